"""Compare outputs with labels, losses and data: a pass over a graph without errors."""
