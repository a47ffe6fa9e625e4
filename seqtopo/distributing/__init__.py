"""Train one model in several processes, with the same results as in one."""
