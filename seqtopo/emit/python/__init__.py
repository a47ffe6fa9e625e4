"""A graph as the Keras code that a careful person would write."""
