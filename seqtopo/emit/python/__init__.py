"""Write a graph as Keras code in Python."""
