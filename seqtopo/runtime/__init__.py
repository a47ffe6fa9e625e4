"""Run built models well, equally on every backend."""
