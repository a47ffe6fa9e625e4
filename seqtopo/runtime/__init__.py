"""What a built model needs to run well, equally on every backend.

Importing it loads Keras, on the backend that is chosen. Raises SpecError where that cannot be.
"""

from seqtopo.emit.backend import choose

choose()
