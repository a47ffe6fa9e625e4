"""Reading any file ends: with models, or with a stop that says what could not be read."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from seqtopo.code.read import read_file, read_text
from seqtopo.system import bounds

CASES = sorted((Path(__file__).resolve().parents[1] / "keras_code").glob("*/*.txt"))
HEAD = "import keras, numpy as np\nfrom keras import *\nfrom keras.layers import *\n"


PIECES = ("", "(", ")", "\n    ", "None", "-1", "1e9", "*x", "**x", "\\", "[0]", "lambda: ", "\0")


def mutant(text: str, draw: random.Random) -> str:
    """A text with a few pieces left out, doubled, exchanged or written over."""
    for _ in range(draw.randrange(1, 6)):
        start = draw.randrange(len(text) + 1)
        stop = min(len(text), start + draw.choice((1, 3, 12, 80)))
        other = draw.randrange(len(text) + 1)
        piece = draw.choice(
            ("", "(", ")", "\n    ", "None", "-1", "1e9", "*x", "**x", "\\", "[0]", "lambda: ", "\0")
        )
        new = draw.choice((piece, text[start:stop] * 2, text[other : other + stop - start]))
        text = text[:start] + new + text[stop:]
    return text


@pytest.mark.parametrize("number", range(8))
def test_mutants_of_programs_are_read(number: int) -> None:
    draw = random.Random(number)
    for _ in range(12):
        path = draw.choice(CASES)
        read_text(mutant(path.read_text(encoding="utf-8"), draw), path.name.removesuffix(".txt"))


@pytest.mark.parametrize("number", range(4))
def test_statements_in_any_order_are_read(number: int) -> None:
    draw = random.Random(number)
    for _ in range(12):
        lines = draw.choice(CASES[:50]).read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if draw.random() < 0.8]
        read_text("\n".join(kept))


STRANGE = (
    "x = " + "(" * 5000 + ")" * 5000,
    "x = " + "[" * 90 + "]" * 90,
    "x = " + "-" * 3000 + "1",
    "x = " + "+".join(["1"] * 20000),
    "x = " + "a" + ".b" * 3000,
    "x = " + "f(" * 80 + ")" * 80,
    "if 1:\n" + "".join(" " * i + "if x:\n" for i in range(1, 90)) + " " * 90 + "pass",
    "def f(n):\n    return f(n + 1)\nf(0)",
    "def f(n):\n    return f(n + 1) if n else f(n) + f(n)\nf(x)",
    "f = lambda g: g(g)\nf(f)",
    "class A:\n    def __init__(self):\n        self.a = A()\nA()",
    "x = []\nx.append(x)\nmodel = Sequential(x)\nprint(x == x, len(x), str(x), sorted(x))",
    "d = {}\nd['d'] = d\nmodel = Sequential(**d)\nprint(f'{d}')",
    "x = 10 ** 10 ** 10",
    "x = 9 ** 999999 ** 9",
    "x = 1 << 10 ** 12",
    "x = 'a' * 10 ** 10\ny = [0] * 10 ** 10\nz = (1,) * 10 ** 9",
    "x = '%1000000000d' % 1\ny = '{:1000000000}'.format(1)\nz = f'{1:1000000000}'",
    "x = 'a'\nfor i in range(100):\n    x += x\n",
    "x = [1]\nfor i in range(100):\n    x = x + x\nwhile True:\n    x.append(x)",
    "for i in range(10 ** 12):\n    model = Sequential([LSTM(i)])",
    "while True:\n    model = Sequential([LSTM(4)])",
    "while True:\n    x = LSTM(4)(x)",
    "x = Input((8, 3))\nfor i in range(10 ** 9):\n    x = Dense(3)(x)\nmodel = Model(x, x)",
    "x = [a for a in range(10 ** 9)]\ny = {a: b for a in range(10 ** 5) for b in range(10 ** 5)}",
    "x = list(range(10 ** 12))\ny = tuple(range(10 ** 12))[10 ** 11]\nz = sum(range(10 ** 12))",
    "import itertools\nx = list(itertools.product(*[range(100)] * 100))",
    "n = unknown\nfor i in range(5000):\n    n = n * n + n\nmodel = Sequential([Input((n, 3)), LSTM(n)])",
    "n = unknown\nfor i in range(50):\n    n = n * n + 1\nmodel = Sequential([Input((n, 3)), LSTM(n)])",
    "model = Sequential([Input((8, 3)), LSTM(4)])\nmodel.add(model)\nmodel.add(model)\nmodel.summary()",
    "a = Sequential()\nb = Sequential([a])\na.add(b)\na.add(Dense(1))",
    "x = Input((8, 3))\nmodel = Model(x, x)\nfor i in range(40):\n    model = Model(x, model(model(x)))",
    "model = Sequential([Input((8, 3)), TimeDistributed(TimeDistributed(Dense(4)))])",
    "layer = TimeDistributed(None)\nlayer.args = layer\n"
    "model = Sequential([layer, Bidirectional(3), 4, None, 'a'])",
    "x = Input((None, None))\nmodel = Model([x, x], {1: x, x: x})\nmodel([x])\nmodel({})\nmodel()",
    "model = Sequential()\nmodel.pop()\nmodel.get_layer(3)\nmodel.layers[7]\nmodel.output.shape[9]",
    "x = Input(shape=-3)\ny = Input((0, 1.5, 'a', None, True))\nz = Input()\nw = Input(3)",
    "LSTM()\nLSTM(*unknown)\nLSTM(**unknown)\nLSTM(*range(1, 30))",
    "x = Input((8, 3))\ny = LSTM(4)(x)(x)\nz = x()\nw = Dense(3)(3)(x)\nx.shape = 3\ndel x[0]\nx += None",
    "class A(A):\n    pass\nA()\nclass B(Layer, B):\n    pass\nB()(Input((3,)))",
    "def f(*args, **kwargs):\n    return f(*args, **kwargs)\nf(*f, **f)",
    "from . import x\nfrom .. import *\nimport a.b.c.d as e\nfrom ....... import z\n",
    "x = Input((3, 3))\nx[::0], x[10 ** 30], x['a'], x[x], x[None, ..., 1:2:3]\n-x, ~x, not x, x @ x, x < x",
    "global x\nnonlocal y\nreturn 3\nbreak\nawait x\nyield 3",
    "match x:\n    case [1, *y]:\n        pass\n    case {'a': b}:\n        pass\n"
    "    case A(3):\n        pass",
    "a, *b = 1\n(a, b), c = 1, 2\n[a, b] = Input((3,))\nx.y.z = 3\nx[1][2] = 3\n*a, = range(10 ** 9)",
)


@pytest.mark.parametrize("code", STRANGE, ids=range(len(STRANGE)))
def test_what_nobody_writes_is_read(code: str) -> None:
    for text in (
        code,
        HEAD + code,
        HEAD + "def build(n, x):\n" + "".join(f"    {c}\n" for c in code.splitlines()),
    ):
        read_text(text)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", ""),
        (b"\xff\xfe\x00", "text"),
        ("x = 1".encode("utf-16"), ""),
        (b"\xef\xbb\xbfx = 1", ""),
        (b"# coding: latin-1\nx = '\xe9'", ""),
        (b"# coding: nonsense\nx = 1", "text"),
        (b"x = '\xe9'", "text"),
        (b"x = '\x00'", "no Python"),
        (b"print 'a'\nx = 1", ""),
        (b"print 'a' % b, c\nexcept X, e:\n  pass", "no Python"),
        (b"def f(:\n  pass", "no Python"),
        (b"x = 1\r\ny = 2\ry = 3", ""),
        (b"\x7fELF\x02\x01\x01", ""),
    ],
    ids=range(13),
)
def test_bytes_are_read_or_it_is_said_why_not(raw: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_bytes(raw)
    found = read_file(path)
    assert not words or any(words in stop.why for stop in found.stops)


@pytest.mark.parametrize(
    "notebook",
    ["", "{", "[]", "{}", '{"cells": 3}', '{"cells": [3, {}, {"cell_type": "code"}]}',
     '{"cells": [{"cell_type": "code", "source": 3}]}',
     '{"cells": [{"cell_type": "code", "source": [1, "x"]}]}',
     '{"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"]}]}]}', '{"worksheets": [3]}',
     '{"cells": [], "metadata": {"language_info": {"name": "R"}}}', '{"cells": [], "metadata": 3}',
     "[" * 100000],
    ids=range(13),
)  # fmt: skip
def test_notebooks_are_read_or_it_is_said_why_not(notebook: str, tmp_path: Path) -> None:
    path = tmp_path / "code.ipynb"
    path.write_text(notebook, encoding="utf-8")
    read_file(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.py"
    path.write_text("x = 1\n" * (bounds.CODE_BYTES // 6 + 1), encoding="utf-8")
    (stop,) = read_file(path).stops
    assert "larger" in stop.why


def test_a_large_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "data.py"
    path.write_text(HEAD + "x = " + json.dumps(list(range(300_000))), encoding="utf-8")
    read_file(path)
