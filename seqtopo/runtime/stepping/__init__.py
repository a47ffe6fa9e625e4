"""Run a model one time step at a time: its one-step model, and the loops that feed outputs back into it."""
