"""What a built model needs to run well, equally on every backend."""
