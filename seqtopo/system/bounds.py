"""Limits on what is read of each kind of file; a larger file gets a diagnostic and is not read.

A file that was made to do harm, or that is something else than it is taken for, costs no more than a few
seconds and a few hundred megabytes. Each bound is far above what any honest file needs, as is said with it.
"""

from __future__ import annotations

SPEC_BYTES = 20_000_000
"""A spec's text. A layer takes about 20 bytes."""
SETTINGS_BYTES = 1_000_000
"""A ``pyproject.toml``, or Keras' own ``keras.json``."""
CONFIG_BYTES = 64_000_000
"""The configuration of a Keras model. A layer takes about 2,000 bytes."""
CONFIG_PARTS = 3_000_000
"""The lists, dictionaries and values in it. A layer takes about 100."""
CONFIG_DEPTH = 240
"""The depth to which they nest. A model in a model takes about 7 levels."""
CONFIG_NAME = 10_000
"""The characters of a layer's name in it."""
COMPILED_ITEMS = 5_000
"""The metrics, losses or weights that a model was compiled with: some for each output."""
LOSSES = 1_000
"""What is listed as left out of the spec of one model."""
H5_ITEMS = 1_000_000
"""The groups and arrays of a model's HDF5 file. A layer takes about 8."""
H5_SECONDS = 30
"""What reading such a file may take, beside what its size does."""
H5_BYTES_A_SECOND = 5_000_000
"""How fast it is read at least."""
H5_LINKS = 4_000
"""The characters of a path in it. A layer's name takes about 30, and models nest a few levels."""
UNPACKED_TIMES = 100
"""The times that a part of a model's file may grow when it is unpacked. Weights hardly shrink when they are
packed, and Keras does not pack them."""
UNPACKED_BYTES = 100_000_000
"""A part up to this size may grow as it likes."""
TESTED_BYTES = 500_000_000
"""A part up to this size is read once before Keras loads it, to tell that it is damaged."""
NOTES_BYTES = 4_000_000
"""The notes on its data that ``fit`` writes into a model's file. A feature takes about 60 bytes."""
NOTED_ARRAY_BYTES = 256_000_000
"""The end of the series beside it: some windows of steps."""
TABLE_LINE = 1_000_000
"""The characters of one line of a table. A number takes about 10."""
TABLE_COLUMNS = 10_000
"""The columns of a table."""
TABLE_NUMBERS = 50_000_000
"""The numbers of a table. What is larger is better kept as an array, which need not be read as a whole."""
ARRAY_HEADER = 65_536
"""The bytes of an array's header; a longer one is not a plain array's."""
ARRAY_MEMBERS = 50_000
"""The arrays of an ``.npz`` file: one for each sample, where their lengths are not equal."""
PADDED_NUMBERS = 2**28
"""The numbers of samples that are padded to one length, which are held in memory."""
ARRAY_AXES = 64
"""The axes of an array."""
LOOKED_AT = 2**25
"""So many numbers of an array are looked at; of a larger array, parts from its whole length."""
LOOKED_AT_TOGETHER = 2**22
"""The numbers of an array that are held at a time."""
WIDEST_SAMPLE = 2**26
"""A sample of more numbers than this is not looked at: it would have to be held as a whole."""
CODE_BYTES = 5_000_000
"""A Python file or notebook that is read for its models. The longest of 578 public ones has 2,900,000 bytes,
most of them pictures."""
CODE_STEPS = 150_000
"""The expressions and statements that are looked at, with loops and calls followed. A file of 300 lines takes
about 5,000."""
CODE_UNCALLED_STEPS = 15_000
"""Those of one function that nothing calls."""
CODE_DEPTH = 40
"""The calls of a file's functions inside each other."""
CODE_OPEN_DEPTH = 3
"""Those of one function inside each other, in a branch that is not known."""
CODE_TURNS = 2_000
"""The turns of a loop that makes layers."""
CODE_IDLE_TURNS = 60
"""The turns of a loop that makes none, if it has no more items."""
CODE_ALL_IDLE_TURNS = 2_000
"""The turns of all loops that make none."""
CODE_FEW_TURNS = 2
"""The turns of one that goes through data: it has more items, or there were too many turns before."""
CODE_LOOP_MODELS = 8
"""The models that one loop makes; what it makes then is of the same kind."""
CODE_ITEMS = 20_000
"""The items of a list, or the characters of a text, that code makes."""
CODE_MODELS = 500
"""The models of one file."""
CODE_FILES = 200
"""The files of a project that a file imports, those that they import included."""
PLAY_TEXT_BYTES = 1_000_000
"""What the page of ``seqtopo play`` sends to be answered: a text that a person edits, and options."""
PLAY_SERIES_BYTES = 64_000_000
"""The series that it sends to be trained on. A number takes about 10 bytes."""
PLAY_SECONDS = 60
"""What a training that it starts may take, beside what loading the backend takes."""
PLAY_LOADING_SECONDS = 180
"""What loading a backend and building the model may take before the first epoch begins."""
