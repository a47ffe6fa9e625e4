"""States of stateful layers that last from batch to batch, equally on every backend."""
