"""A custom layer for seqtopo: attention that pools a sequence into one vector."""
