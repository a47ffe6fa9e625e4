"""Search the space of a spec with Optuna: draw points, train them, share the work, and report. An extra."""
