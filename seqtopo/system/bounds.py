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
"""The levels to which lists and dictionaries nest in a configuration. A model in a model takes about 7."""
CONFIG_NAME = 10_000
"""The characters of a layer's name in a configuration."""
COMPILED_ITEMS = 5_000
"""The metrics, losses or weights that a model was compiled with: some for each output."""
LOSSES = 1_000
"""The losses that are listed when one model is decompiled: the parts of it that a spec cannot say."""
H5_ITEMS = 1_000_000
"""The groups and arrays of a model's HDF5 file. A layer takes about 8."""
H5_SECONDS = 30
"""The seconds that reading an HDF5 file may take, besides those that its size allows."""
H5_BYTES_A_SECOND = 5_000_000
"""The lowest reading speed of an HDF5 file: its time limit grows with its size at this speed."""
H5_LINKS = 4_000
"""The characters of a path in an HDF5 file. A layer's name takes about 30, and models nest a few levels."""
UNPACKED_TIMES = 100
"""The times that a part of a model's file may grow when it is unpacked. Weights hardly shrink when they are
packed, and Keras does not pack them."""
UNPACKED_BYTES = 100_000_000
"""The bytes up to which a part may grow by any factor."""
TESTED_BYTES = 500_000_000
"""The bytes up to which a part is read once before Keras loads it, to tell whether it is damaged."""
NOTES_BYTES = 4_000_000
"""The notes on its data that ``fit`` writes into a model's file. A feature takes about 60 bytes."""
NOTED_ARRAY_BYTES = 256_000_000
"""The bytes of the array beside these notes: the end of the series, some windows of steps."""
TABLE_LINE = 1_000_000
"""The characters of one line of a table. A number takes about 10."""
TABLE_COLUMNS = 10_000
"""The columns of a table."""
TABLE_NUMBERS = 50_000_000
"""The numbers of a table. Larger data is better kept as an array, which need not be read as a whole."""
ARRAY_HEADER = 65_536
"""The bytes of an array's header. A longer one is not that of a plain array."""
ARRAY_MEMBERS = 50_000
"""The arrays of an ``.npz`` file: one for each sample, where their lengths are not equal."""
PADDED_NUMBERS = 2**28
"""The numbers of samples that are padded to one length and held in memory."""
ARRAY_AXES = 64
"""The axes of an array."""
LOOKED_AT = 2**25
"""The numbers of an array that are looked at. Of a larger array these are parts from its whole length."""
LOOKED_AT_TOGETHER = 2**22
"""The numbers of an array that are held at a time."""
WIDEST_SAMPLE = 2**26
"""The numbers of one sample. A wider one is not looked at, since it would have to be held as a whole."""
CODE_BYTES = 5_000_000
"""A Python file or notebook that is read for its models. The longest of 578 public ones has 2,900,000 bytes,
most of them pictures."""
CODE_STEPS = 150_000
"""The expressions and statements that are followed, with loops and calls. 300 lines take about 5,000."""
CODE_UNCALLED_STEPS = 15_000
"""The expressions and statements that are followed in one function that nothing calls."""
CODE_DEPTH = 40
"""The calls of a file's functions inside each other."""
CODE_OPEN_DEPTH = 3
"""The calls of one function inside each other, in a branch of which it is not known whether it runs."""
CODE_TURNS = 2_000
"""The turns of a loop that makes layers."""
CODE_IDLE_TURNS = 60
"""The turns of a loop that makes no layers and has no more items than this."""
CODE_ALL_IDLE_TURNS = 2_000
"""The turns of all loops together that make no layers."""
CODE_FEW_TURNS = 2
"""The turns of a loop that goes through data: one with more items, or one after too many turns of others."""
CODE_LOOP_MODELS = 8
"""The models that one loop makes. Those of further turns are of the same kind."""
CODE_ITEMS = 20_000
"""The items of a list, or the characters of a text, that code makes."""
CODE_MODELS = 500
"""The models of one file."""
CODE_FILES = 200
"""The files of a project that a file imports, those that they import included."""
PLAY_TEXT_BYTES = 1_000_000
"""The bytes of one request of the page of ``seqtopo play``: a text that a person edits, and options."""
PLAY_SERIES_BYTES = 64_000_000
"""The bytes of the series that the page sends to be trained on. A number takes about 10."""
PLAY_SECONDS = 60
"""The seconds that a training may take which the page starts, besides loading the backend."""
PLAY_LOADING_SECONDS = 180
"""The seconds that loading a backend and building the model may take before the first epoch begins."""
