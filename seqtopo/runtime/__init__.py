"""Run built models equally well on every backend: kernels, states, and one step at a time."""
