"""Convert topologies of other programs to specs."""
