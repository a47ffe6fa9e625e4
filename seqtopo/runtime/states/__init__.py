"""Carry the states of stateful layers from batch to batch, equally on every backend."""
