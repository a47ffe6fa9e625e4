"""Fuzzing: mutants of every text that ships, and texts of a random grammar, through all that reads specs.

    python -m tests.support.fuzz texts 500000      check and fmt
    python -m tests.support.fuzz outputs 20000     draw, to_python, diff
    python -m tests.support.fuzz models 20000      decompile, of mutants of models' configurations
    python -m tests.support.fuzz files 20000       check, cut, forecast, of mutants of data and models
    python -m tests.support.fuzz code 20000        check, of mutants of Keras programs, as files and notebooks

Each draw follows from its number alone; ``--first N`` begins with another one. What raises, gives an ST9xx
or changes under ``fmt`` is printed with its number, and the exit code is 1. The last line counts the runs.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import re
import sys
import time
import tomllib
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import seqtopo
from seqtopo.api import to_python
from seqtopo.decompiler.decompile import decompiled
from seqtopo.decompiler.difference import Side, difference
from seqtopo.diag import pages as diag_pages
from seqtopo.diag.error import SpecError
from seqtopo.layers.registry import ROWS
from seqtopo.report.analyse import analyse
from seqtopo.source import Source
from seqtopo.syntax.parse import parse
from seqtopo.syntax.print import format_text
from tests.support.altered import alter
from tests.support.fuzz_code import checked_code, own_faults, program
from tests.support.fuzz_files import draw_file, opened
from tests.support.models import MODELS

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0
"""No text that anybody would write takes so long, however slow the machine."""
BLOCK = re.compile(r"^```[\w -]*\n(.*?)^```$", re.M | re.S)
QUOTED = re.compile(r'seqtopo [\w-]+ "([^"]+)"|`(in\([^`\n]+)`')
TOKEN = re.compile(r"\w+|->|\.\.|//|\s+|[^\w\s]")
SIGNS = [*'()[],=*+-?_.%# \n"', "->", "..", "//"]
WORDS = [
    "in",
    "for",
    "as",
    "let",
    "def",
    "train",
    "id",
    "is",
    "res",
    "seq",
    "T",
    "F",
    "K",
    "x",
    "int",
    "state",
]
ODD = "\0\t\r\u202e\u4e2d\U0001f642\u0301'\"`;:{}|&^~!@$\\\u00a0\ufeff"
VALUES = ("1", "2", "3", "8", "T", "F", "N", "_", "?", "0.5", "-1", "relu", '"x"', "l2(0.1)")
LOOPED = "[1,2] [1..3] [] [(1,2),(3,4)] 5 N"
NUMBERS = ["0", "1", "2", "-1", "3.5", "1e308", "2147483648", "9" * 30, "0.0", "7", "?"]


@dataclass(frozen=True)
class Fault:
    """A draw that went wrong."""

    number: int
    what: str
    text: str


@cache
def corpus() -> tuple[str, ...]:
    """Every spec that ships: files, the blocks of every page, commands, tests' models, codes' examples."""
    pages = [ROOT / "README.md", *ROOT.glob("grammar/*.md"), *ROOT.glob("examples/*/*.md")]
    specs = (*ROOT.glob("tests/models/*.txt"), *ROOT.glob("examples/*/*.txt"))
    found = [spec.read_text(encoding="utf-8") for spec in specs]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found += [block for block in BLOCK.findall(text) if "in(" in block]
        found += [one or two for one, two in QUOTED.findall(text)]
    for file in ROOT.glob("tests/mistakes/*.toml"):
        found += _specs(tomllib.loads(file.read_text(encoding="utf-8")))
    found += [text for page in diag_pages.pages() for text in (page.example, page.instead) if text]
    assert len(found) > 500
    return tuple(sorted({text for text in found if len(text) < 3000}))


def _specs(data: Any) -> Iterator[str]:
    """Every text in nested data that looks like a spec."""
    if isinstance(data, str) and "in(" in data:
        yield data
    elif isinstance(data, (dict, list)):
        for item in data.values() if isinstance(data, dict) else data:
            yield from _specs(item)


@cache
def tokens() -> tuple[str, ...]:
    """Return the texts that a mutation inserts: signs, words, names of layers and parameters."""
    layers = [name for row in ROWS for name in (row.name, *(p.name for p in row.params))]
    return (*SIGNS, *WORDS, *NUMBERS, *layers)


def mutant(random: Random) -> str:
    """A text that ships, with a few small changes."""
    text = random.choice(corpus())
    for _ in range(random.choice([1, 1, 1, 2, 3, 6])):
        text = random.choice(MUTATIONS)(text, random)
    return text


def _edit_tokens(text: str, random: Random) -> str:
    """Delete, double, swap, replace or insert a token."""
    parts = TOKEN.findall(text)
    if not parts:
        return random.choice(tokens())
    i, j = random.randrange(len(parts)), random.randrange(len(parts))
    match random.randrange(6):
        case 0:
            del parts[i]
        case 1:
            parts.insert(i, parts[i])
        case 2:
            parts[i], parts[j] = parts[j], parts[i]
        case 3:
            parts[i] = random.choice(tokens())
        case 4:
            parts.insert(i, random.choice(tokens()))
        case 5:
            parts[i] = parts[j]
    return "".join(parts)


def _edit_name(text: str, random: Random) -> str:
    """Write a name with a letter less or more, as who types does, once or everywhere."""
    names = re.findall(r"[A-Za-z_]\w*", text)
    if not names:
        return text
    name = random.choice(names)
    at = random.randrange(len(name))
    new = random.choice(
        [name[:at] + name[at + 1 :], name + random.choice("sxT_1"), name.upper(), name.lower()]
    )
    return re.sub(rf"\b{name}\b", lambda _: new, text, count=random.choice([0, 1]))


def _edit_number(text: str, random: Random) -> str:
    """Write another number, or a symbol, for one that stands there."""
    found = list(re.finditer(r"\d+(?:\.\d+)?", text))
    if not found:
        return text
    one = random.choice(found)
    return text[: one.start()] + random.choice([*NUMBERS, "T", "N"]) + text[one.end() :]


def _edit_lines(text: str, random: Random) -> str:
    """Delete, double or swap lines."""
    lines = text.split("\n")
    i, j = random.randrange(len(lines)), random.randrange(len(lines))
    if random.random() < 0.4:
        del lines[i]
    else:
        lines[i], lines[j] = (lines[j], lines[i]) if random.random() < 0.5 else (lines[j], lines[j])
    return "\n".join(lines)


def _splice(text: str, random: Random) -> str:
    """Go on with another text from some point."""
    other = random.choice(corpus())
    return text[: random.randrange(len(text) + 1)] + other[random.randrange(len(other) + 1) :]


def _swap_steps(text: str, random: Random) -> str:
    """Take a step from another text."""
    steps = text.split("->")
    steps[random.randrange(len(steps))] = random.choice(random.choice(corpus()).split("->"))
    return "->".join(steps)


def _edit_characters(text: str, random: Random) -> str:
    """Cut something out, or put in a character from anywhere."""
    at = random.randrange(len(text) + 1)
    if random.random() < 0.5:
        return text[:at] + text[at + random.randrange(1, 8) :]
    return text[:at] + random.choice(ODD) + text[at:]


MUTATIONS: tuple[Callable[[str, Random], str], ...] = (
    _edit_tokens,
    _edit_tokens,
    _edit_tokens,
    _edit_name,
    _edit_number,
    _edit_lines,
    _splice,
    _swap_steps,
    _edit_characters,
)


def written(random: Random) -> str:
    """A text of a grammar of its own, which knows more of what may stand where than the mutations do."""
    names: list[str] = []
    lines = [_statement(random, names) for _ in range(random.choice([1, 1, 2, 3, 5]))]
    if random.random() < 0.3:
        lines.append(
            f"train {_word(random, 'adam sgd rmsprop nope')}, loss={_word(random, 'mse mae bce nope')}"
        )
    return "\n".join(lines)


def _word(random: Random, words: str) -> str:
    return random.choice(words.split())


def _statement(random: Random, names: list[str]) -> str:
    name = _word(random, "a b enc dec N T seq lstm")
    match random.randrange(6):
        case 0:
            return f"let {_word(random, 'T F N a')} = {_value(random, names, 2)}"
        case 1:
            return f"def {name}({_word(random, 'N N,M=3 f')}) = {_flow(random, names, 3)}"
        case 2 | 3:
            line = f"{name} = {_flow(random, names, 4, source=random.random() < 0.7)}"
            names.append(name)
            return line
    return _flow(random, names, 4, source=True)


def _flow(random: Random, names: list[str], depth: int, source: bool = False) -> str:
    steps = [f"in({_word(random, '3 5,3 T,F ?,1 4,4,2 T,int(9) 5,3,batch=2 0 F')})"] if source else []
    steps += [_step(random, names, depth) for _ in range(random.choice([1, 1, 2, 3, 4]))]
    return " -> ".join(steps)


def _step(random: Random, names: list[str], depth: int) -> str:
    if depth <= 0:
        return random.choice(["relu", "id", "flip", *names, "dense(3)", "lstm(4,seq)"])
    inner = partial(_flow, random, names, depth - 1)
    match random.randrange(14):
        case 0:
            return f"[{', '.join(inner(source=random.random() < 0.2) for _ in range(random.randrange(4)))}]"
        case 1:
            return f"res({inner()})"
        case 2:
            return f"{_word(random, 'td bi rnn is')}({inner()})"
        case 3:
            return f"({inner()}) * {_value(random, names, 1)}"
        case 4:
            return f"({inner()}) for {_word(random, 'K D K,D')} in {_word(random, LOOPED)}"
        case 5:
            name = _word(random, "c d e lstm")
            step = f"{_step(random, names, depth - 1)} as {name}"
            names.append(name)
            return step
        case 6:
            return random.choice([*names, "id"]) + _word(random, " .state .scores .stat .state.x")[:8]
        case 7:
            return random.choice([*names, "r"]) + f"({_value(random, names, 1)})"
    row = random.choice(ROWS)
    given = [_value(random, names, 1) for _ in range(random.choice([0, 1, 1, 2, 3]))]
    given += [
        f"{p.name}={_value(random, names, 1)}" for p in random.sample(row.params, min(len(row.params), 1))
    ]
    given += random.sample(["seq", "mask", "same", "causal", "relu", "stateful"], random.choice([0, 0, 1, 2]))
    return f"{row.name}({','.join(given)})"


def _value(random: Random, names: list[str], depth: int) -> str:
    if depth > 0 and random.random() < 0.3:
        one, two = _value(random, names, depth - 1), _value(random, names, depth - 1)
        return random.choice(["({},{})", "{}+{}", "{}*{}", "{}//{}", "[{},{}]", "{}-{}"]).format(one, two)
    return random.choice([*VALUES, *names])


CODE_MUTATIONS = (_edit_tokens, _edit_name, _edit_number, _edit_lines, _edit_characters)


def draw(number: int) -> str:
    """The text of a draw."""
    random = Random(f"text {number}")
    return written(random) if number % 4 == 0 else mutant(random)


# ---- what is tried ----------------------------------------------------------------------------------


def try_text(number: int) -> Fault | None:
    """Check a text with every rule, and format it."""
    text = draw(number)
    return _guarded(number, text, lambda: _read(text))


def _read(text: str) -> str:
    report = seqtopo.check(text, select="ALL")
    str(report)
    wrong = own_faults(report.diagnostics)
    if wrong:
        return wrong
    tree, _ = parse(Source(text))
    once, _ = format_text(Source(text))
    if once is None:
        return ""
    if tree is None:
        return "fmt formats what cannot be read"
    again, _ = format_text(Source(once))
    return "" if again == once else f"fmt is not stable: {again!r}"


def try_outputs(number: int) -> Fault | None:
    """Draw a right text, write it as Python, and compare that with the Python of the formatted text."""
    for text in map(draw, _numbers(number)):
        fault = _guarded(number, text, lambda text=text: "" if analyse(text).ok else "refused")
        if fault is None:
            return _guarded(number, text, lambda text=text: _shown(text))
        if fault.what != "refused":
            return fault
    return None


def _numbers(number: int) -> Iterator[int]:
    # Every other try is a mutant: few texts of the grammar are right.
    return (number + i * ((1 << 32) + 1) for i in itertools.count())


def _shown(text: str) -> str:
    for unrolled in (False, True):
        try:
            picture = seqtopo.draw(text, unrolled=unrolled)
            picture.svg()
            picture.text()
            if not unrolled:
                picture.mermaid()
        except SpecError as error:
            if wrong := own_faults(error.diagnostics):
                return f"draw, unrolled={unrolled}: {wrong}"
    try:
        compile(to_python(text), "<written>", "exec")
    except SpecError as error:
        if wrong := own_faults(error.diagnostics):
            return f"to_python: {wrong}"
    formatted, _ = format_text(Source(text))
    one, two = analyse(text).resolved, analyse(formatted or "").resolved
    if one is None or two is None:
        return "what fmt writes is not accepted"
    sides = [Side(name, of.graph, of.training) for name, of in (("a", one), ("b", two))]
    return "fmt changes the topology" if difference(*sides) else ""


def try_model(number: int) -> Fault | None:
    """Decompile the configuration of a Keras model with a few values changed."""
    random = Random(f"model {number}")
    config = copy.deepcopy(random.choice(configurations()))
    for _ in range(random.choice([0, 1, 1, 2, 3])):
        alter(config, random)
    return _guarded(number, json.dumps(config), lambda: _told(config))


def _told(config: Any) -> str:
    try:
        found = decompiled(config)
    except SpecError as error:
        return own_faults(error.diagnostics)
    checked = seqtopo.check(found.text)
    return own_faults(found.diagnostics) or (
        "" if checked.ok else f"its spec is refused: {checked.diagnostics[0]}"
    )


@cache
def configurations() -> tuple[dict[str, Any], ...]:
    """The configurations of all the models that the tests write in Keras, and of all published ones."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import inspect

    from seqtopo.decompiler.serialized import serialized
    from tests.support import keras_models

    made = [make() for _, make in inspect.getmembers(keras_models, inspect.isfunction) if _makes(make)]
    made += [seqtopo.compile(model.path) for model in MODELS]
    found = [json.loads(json.dumps(serialized(model), default=str)) for model in made]
    assert len(found) > 5
    return tuple(found)


def _makes(function: Callable[..., Any]) -> bool:
    import inspect

    return function.__module__.endswith("keras_models") and not inspect.signature(function).parameters


def try_file(number: int) -> Fault | None:
    """Read a file that is nearly right in every way that there is."""
    suffix, data = draw_file(Random(f"file {number}"))
    with TemporaryDirectory() as folder:
        path = Path(folder, f"file{suffix}")
        path.write_bytes(data)
        return _guarded(number, f"{suffix} {data[:2000]!r}", lambda: own_faults(opened(path)))


def try_code(number: int) -> Fault | None:
    """Check a program of Keras with every rule, as a file or as a notebook, and show what was found."""
    random = Random(f"code {number}")
    text = program(random, CODE_MUTATIONS)
    return _guarded(number, text, lambda: checked_code(text, random.random() < 0.2))


def _guarded(number: int, text: str, run: Callable[[], str]) -> Fault | None:
    start = time.process_time()
    try:
        what = run()
    except Exception:
        what = traceback.format_exc(limit=-4)
    took = time.process_time() - start
    if not what and took > SECONDS:
        what = f"took {took:.0f} s"
    return Fault(number, what, text) if what else None


KINDS = {"texts": try_text, "outputs": try_outputs, "models": try_model, "files": try_file, "code": try_code}


def run(kind: str, numbers: range) -> list[Fault]:
    """Return the faults found in some draws of a kind."""
    return [fault for fault in map(KINDS[kind], numbers) if fault is not None]


def main(argv: list[str] | None = None) -> int:
    """Run the draws on all cores; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args(argv)
    step = max(1, min(500, args.count // 8))
    parts = [
        range(at, min(at + step, args.first + args.count))
        for at in range(args.first, args.first + args.count, step)
    ]
    faults = 0
    with ProcessPoolExecutor() as pool:
        for found in pool.map(partial(run, args.kind), parts):
            for fault in found:
                faults += 1
                print(f"{args.kind} {fault.number}: {fault.what}\n{fault.text!r}\n", flush=True)
    print(f"{args.count:,} {args.kind} were tried, from {args.first:,} on; {faults} went wrong")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
