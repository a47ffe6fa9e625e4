"""Nothing that a user can write gives a traceback, takes long, or takes much memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from seqtopo.api import check, decompile
from seqtopo.diag.renderers.text import render_text
from seqtopo.layers.registry import ROWS
from seqtopo.report.analyse import analyse

MEMORY = 1 << 30
SECONDS = 20
"""The seconds that each may take in a process of its own. Most take well under one."""

CHILD = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
from pathlib import Path
from seqtopo.api import check, decompile
from seqtopo.diag.renderers.text import render_text
name = sys.argv[1]
start = time.process_time()
report = check(Path(name))
text = render_text(report.diagnostics)
print(json.dumps({{"ok": report.ok, "codes": [d.code for d in report.diagnostics],
                  "seconds": time.process_time() - start, "length": len(text)}}))
"""


def _deep_macros(count: int) -> str:
    lines = [f"def r{i}(N) = r{i + 1}(N)" for i in range(count)]
    return "\n".join([*lines, f"def r{count}(N) = dense(N)", "in(4) -> r0(3)"])


def _deep_blocks(count: int) -> str:
    lines = ["b0 = dense(4)", *(f"b{i + 1} = b{i}" for i in range(count))]
    return "\n".join([*lines, f"in(4) -> b{count}"])


def _doubling(count: int) -> str:
    lines = ["def r0(N) = dense(N)", *(f"def r{i + 1}(N) = r{i}(N) -> r{i}(N)" for i in range(count))]
    return "\n".join([*lines, f"in(4) -> r{count}(4)"])


def _doubling_blocks(count: int) -> str:
    lines = ["b0 = dense(4)", *(f"b{i + 1} = b{i} -> b{i}" for i in range(count))]
    return "\n".join([*lines, f"in(4) -> b{count}"])


def _doubling_branches(count: int) -> str:
    lines = ["b0 = in(4) -> dense(4)", *(f"b{i + 1} = [b{i}, b{i}] -> concat" for i in range(count))]
    return "\n".join([*lines, f"b{count}"])


def _wrapped(step: str, count: int) -> str:
    lines = ["b0 = relu", *(f"b{i + 1} = {step.format(i)}" for i in range(count))]
    return "\n".join([*lines, f"in({','.join(['2'] * 30)}) -> b{count}"])


def _lets(count: int) -> str:
    return "\n".join(
        ["let A0 = 4", *(f"let A{i + 1} = A{i}" for i in range(count)), f"in(3) -> dense(A{count})"]
    )


def _lets_backwards(count: int) -> str:
    return "\n".join(
        [*(f"let A{i} = A{i + 1}" for i in range(count)), f"let A{count} = 4", "in(3) -> dense(A0)"]
    )


REFUSED: dict[str, tuple[Callable[[], str], tuple[str, ...]]] = {
    "parentheses, 100,000 deep": (lambda: "in(3) -> " + "(" * 100_000 + "relu" + ")" * 100_000, ("ST104",)),
    "lists, 100,000 deep": (lambda: "in(3) -> " + "[" * 100_000 + "relu" + "]" * 100_000, ("ST104",)),
    "tuples, 50,000 deep": (lambda: "in(3) -> dense(" + "(" * 50_000 + "1,)" * 50_000 + ")", ("ST104",)),
    "wrappers, 10,000 deep": (lambda: "in(3,3) -> " + "td(" * 10_000 + "relu" + ")" * 10_000, ("ST104",)),
    "minus, 100,000 times": (lambda: "in(3) -> dense(" + "-" * 100_000 + "1)", ("ST104", "ST102")),
    "objects, 20,000 deep": (lambda: "in(3) -> dense(4,x=" + "l2(" * 20_000 + ")" * 20_001, ("ST104",)),
    "a billion copies": (lambda: "in(3,3) -> lstm(4,seq) * 1000000000", ("ST211",)),
    "copies of copies": (lambda: "in(3) -> ((((relu * 1000) * 1000) * 1000) * 1000)", ("ST211",)),
    "copies of nothing": (lambda: "in(3) -> ((((id * 100000) * 100000) * 100000) * 100000)", ("ST211",)),
    "copies in copies of a name": (lambda: "b = relu * 1000\nc = b * 1000\nin(3) -> c * 1000", ("ST211",)),
    "a number of copies with 1,000 factors": (lambda: "in(3) -> relu" + " * 9" * 1000, ("ST211",)),
    "for in for in for": (
        lambda: "in(3) -> ((((relu) for A in [1..3000]) for B in [1..3000]) for C in [1..3000])",
        ("ST211",),
    ),
    "a range to 999999999": (lambda: "in(3) -> (relu for A in [1..999999999])", ("ST211",)),
    "a range of 10,000 digits": (lambda: "in(3) -> (relu for A in [1.." + "9" * 10_000 + "])", ("ST102",)),
    "macros that double, 20 times": (lambda: _doubling(20), ("ST211",)),
    "macros that double, 60 times": (lambda: _doubling(60), ("ST104", "ST211")),
    "blocks that double, 60 times": (lambda: _doubling_blocks(60), ("ST104", "ST211")),
    "branches that double, 60 times": (lambda: _doubling_branches(60), ("ST316", "ST211")),
    "macros, 10,000 deep": (lambda: _deep_macros(10_000), ("ST104",)),
    "blocks, 10,000 deep": (lambda: _deep_blocks(10_000), ("ST104",)),
    "a size of 10**12": (lambda: "in(1000000000000)", ("ST316",)),
    "a width of 10**12": (lambda: "in(3) -> dense(1000000000000)", ("ST203",)),
    "a size of 10,000 digits": (lambda: "in(" + "9" * 10_000 + ")", ("ST102",)),
    "a width of 10,000 digits": (lambda: "in(3) -> dense(" + "9" * 10_000 + ")", ("ST102",)),
    "a size of a million digits": (lambda: "in(" + "9" * 1_000_000 + ")", ("ST316", "ST102")),
    "a float of 10,000 digits": (lambda: "in(3) -> dropout(0." + "9" * 10_000 + "e99999)", ("ST102",)),
    "flatten beyond any size": (lambda: "in(2000000000,2000000000,2000000000) -> flatten", ("ST316",)),
    "twos multiplied": (lambda: "let A = " + "*".join(["2"] * 100_000) + "\nin(A)", ("ST212",)),
    "nines added": (lambda: "let A = " + "+".join(["999999999"] * 100_000) + "\nin(A)", ("ST316", "ST218")),
    "an own name": (lambda: "let A = A\nin(A)", ("ST208",)),
    "names in a circle": (lambda: "let A = B, B = C, C = A\nin(A)", ("ST208",)),
    "a macro in itself": (lambda: "def r(N) = dense(N) -> r(N)\nin(3) -> r(4)", ("ST208",)),
    "macros in each other": (lambda: "def r(N) = s(N)\ndef s(N) = r(N)\nin(3) -> r(4)", ("ST208",)),
    "a macro in itself, in td": (lambda: "def r(N) = td(r(N))\nin(3,3,3) -> r(4)", ("ST208", "ST301")),
    "a macro in itself, in res": (lambda: "def r(N) = res(r(N))\nin(3) -> r(4)", ("ST208",)),
    "a block in itself": (lambda: "b = dense(3) -> b\nin(3) -> b", ("ST208",)),
    "a block in itself, in td": (lambda: "b = td(b)\nin(3,3) -> b", ("ST208",)),
    "a block in itself, in a flow in td": (lambda: "b = td(relu -> b)\nin(3,3) -> b", ("ST208",)),
    "wrapped names, 1,000 deep": (lambda: _wrapped("td(b{})", 1000), ("ST104",)),
    "wrapped flows, 1,000 deep": (lambda: _wrapped("td(b{} -> relu)", 1000), ("ST104",)),
    "residuals of names, 1,000 deep": (lambda: _wrapped("res(b{})", 1000), ("ST104",)),
    "a comment of 10 MB": (lambda: "in(3) -> relu  # " + "x" * 10_000_000, ("ST105",)),
    "blocks in each other": (lambda: "b = relu -> c\nc = relu -> b\nin(3) -> c", ("ST208",)),
    "copies, -1": (lambda: "in(3) -> relu * -1", ("ST203",)),
    "copies, T": (lambda: "in(3) -> relu * T", ("ST203",)),
    "copies, 1.5": (lambda: "in(3) -> relu * 1.5", ("ST203",)),
    "unbalanced": (lambda: "in(3 -> [dense(4]", ("ST103",)),
    "unbalanced, 100,000 times": (lambda: "in(3) -> " + "([" * 100_000, ("ST103", "ST104")),
    "closed, 100,000 times": (lambda: "in(3) -> relu" + ")]" * 100_000, ("ST103", "ST104")),
    "arrows": (lambda: "->" * 100_000, ("ST102", "ST213")),
    "commas": (lambda: "in(" + "," * 100_000 + ")", ("ST102",)),
    "quotes": (lambda: '"' * 100_001, ("ST101", "ST102", "ST103")),
    "dots": (lambda: "a" + ".a" * 100_000, ("ST206", "ST104", "ST102")),
    "empty": (lambda: "", ("ST106",)),
    "blanks": (lambda: " \n\t\n" * 100_000, ("ST106",)),
    "comments": (lambda: "# nothing\n" * 100_000, ("ST106",)),
    "NUL": (lambda: "in(3)\0 -> relu", ("ST101", "ST102", "ST105")),
    "NULs": (lambda: "\0" * 1_000_000, ("ST101", "ST102", "ST105")),
    "10 MB of one letter": (lambda: "a" * 10_000_000, ("ST201", "ST206", "ST210", "ST105", "ST102")),
    "10 MB of lines": (lambda: "in(3) -> nothing\n" * 600_000, ("ST201", "ST105", "ST211")),
    "10 MB of digits": (lambda: "1" * 10_000_000, ("ST213", "ST102", "ST105")),
    "emoji": (lambda: "in(3) -> 🙂" * 1000, ("ST101", "ST102")),
    "surrogates and controls": (lambda: "in(3)" + "".join(map(chr, range(1, 32))), ("ST101", "ST102")),
    "right to left": (lambda: "in(3) \u202e-> relu", ("ST101", "ST102")),
    "other digits": (lambda: "in(٣)", ("ST101", "ST102")),
    "a long name": (lambda: "in(3) -> " + "a" * 1_000_000, ("ST201",)),
    "a long flag": (lambda: "in(3) -> dense(4," + "a" * 1_000_000 + ")", ("ST202",)),
    "a long symbol for a width": (lambda: "in(" + "T" * 100_000 + ",4) -> lstm(4) -> lstm(4)", ("ST301",)),
    "many errors": (lambda: "\n".join(f"a{i} = in(3) -> nothing{i}" for i in range(3000)), ("ST201",)),
    "many unknown flags": (
        lambda: "in(3) -> dense(4," + ",".join(f"x{i}" for i in range(20_000)) + ")",
        ("ST202",),
    ),
    "many unknown symbols merged": (
        lambda: "[" + ", ".join(f"in(T{i},3)" for i in range(2000)) + "] -> add",
        ("ST303",),
    ),
}  # fmt: skip
"""Each text, and the codes of which its first finding has one."""

TAKEN: dict[str, Callable[[], str]] = {
    "1,000 lets in a chain": lambda: _lets(1000),
    "100,000 lets in a chain": lambda: _lets(100_000),
    "100,000 lets in a chain, backwards": lambda: _lets_backwards(100_000),
    "10,000 layers": lambda: "in(3) -> " + " -> ".join(["relu"] * 10_000),
    "10,000 copies": lambda: "in(3) -> relu * 10000",
    "10,000 branches": lambda: "in(3) -> [" + ", ".join(["id"] * 10_000) + "] -> add",
    "10,000 bindings": lambda: "\n".join(f"a{i} = in(3) -> relu" for i in range(10_000)),
    "symbols multiplied": lambda: "in(" + "*".join(["T"] * 3000) + ",3) -> relu",
    "sums multiplied": lambda: "in(" + "*".join(["(T+S+U+V+W)"] * 12) + ",3) -> relu",
    "sums of many symbols multiplied": lambda: (
        "in(" + "*".join(["(" + "+".join(f"T{i}" for i in range(200)) + ")"] * 20) + ",3) -> relu"
    ),
    "quotients in quotients": lambda: "in(" + "(" * 40 + "T" + "+1)//2" * 40 + ",3) -> relu",
    "poolings of a symbol": lambda: "in(T,3) -> maxpool1d(2) * 300",
    "a huge tuple": lambda: "in(3) -> rescaling((" + ",".join(["1"] * 3) + "),0)\n" + "# " + "x" * 1_000_000,
    "no copies": lambda: "in(3) -> relu * 0 -> relu",
    "no turns": lambda: "in(3) -> (relu for A in []) -> relu",
    "a for in a for of one name": lambda: "in(3) -> ((dense(A) for A in [2,3]) for A in [4,5])",
    "flatten of many symbols": lambda: "in(" + ",".join(f"T{i}" for i in range(60)) + ") -> flatten",
    "a long comment": lambda: "in(3) -> relu  # " + "x" * 100_000,
    "poolings of a symbol, rounded up": lambda: "in(T,3) -> maxpool1d(2,same) * 2000",
    "windows of a symbol": lambda: "in(T,3) -> avgpool1d(3,2) * 2000",
    "names that start from each other, 1,000 deep": lambda: (
        "h0 = in(4)\n" + "\n".join(f"h{i + 1} = in(2,2) -> gru(4,init=h{i})" for i in range(1000))
    ),
    "carriage returns": lambda: "in(3)\r\n-> relu\r\n",
}


def _bounded(path: Path) -> dict[str, object]:
    """Return the outcome of checking a file, in a process with bounds.

    Fails where it takes too long, too much memory, or ends with a traceback.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(memory=MEMORY), str(path)],
        capture_output=True,
        text=True,
        timeout=SECONDS * 6,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, object] = json.loads(done.stdout)
    seconds = found["seconds"]
    assert isinstance(seconds, float)
    assert seconds < SECONDS, f"it took {seconds:.1f} s"
    length = found["length"]
    assert isinstance(length, int)
    assert length < 1_000_000, f"it says {length} characters"
    return found


def _written(folder: Path, text: str) -> Path:
    path = folder / "spec.txt"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    return path


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_much_or_no_spec_is_refused_in_bounds(tmp_path: Path, name: str) -> None:
    make, codes = REFUSED[name]
    found = _bounded(_written(tmp_path, make()))
    assert not found["ok"]
    first = found["codes"]
    assert isinstance(first, list)
    assert first[0] in codes, first[:5]


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_large_and_right_checks_in_bounds(tmp_path: Path, name: str) -> None:
    found = _bounded(_written(tmp_path, TAKEN[name]()))
    assert found["ok"], found


def test_files_that_are_no_text(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(bytes(range(256)) * 4000)
    assert _bounded(binary)["codes"] == ["ST105"]
    utf16 = tmp_path / "utf16"
    utf16.write_bytes("in(3) -> relu".encode("utf-16"))
    assert _bounded(utf16)["codes"] == ["ST105"]
    assert _bounded(tmp_path)["codes"] == ["ST405"]
    assert _bounded(tmp_path / "none")["codes"] == ["ST405"]
    marked = tmp_path / "marked"
    marked.write_bytes(b"\xef\xbb\xbfin(3) -> relu")
    assert _bounded(marked)["ok"]


@pytest.mark.parametrize("text", ["in(3)\ud800 -> relu", "\ud800", "in(3) -> '\udfff'"])
def test_lone_surrogates(text: str) -> None:
    report = check(text)
    assert not report.ok
    assert render_text(report.diagnostics)


def test_bindings_from_outside_may_be_anything() -> None:
    for value in (0, -1, 10**5000, 1.5, "24", None, True, (1, 2), [1], object(), float("nan"), b"1"):
        report = check("in(T,3) -> lstm(4)", T=value)
        assert report.diagnostics == () or report.diagnostics[0].code.startswith("ST"), value
        render_text(report.diagnostics)


# ---- texts changed at random -------------------------------------------------------------------------

SPECS = [
    *(row.example for row in ROWS),
    "let T = 24, F = 3\nencoder = in(T,F) -> lstm(64,seq) -> lstm(32)\n"
    "decoder = in(32) -> repeat(T) -> lstm(64,seq) -> td(dense(F))\nautoencoder = encoder -> decoder",
    "def block(N, K=3) = res(conv1d(N,K,same) -> relu)\nin(T,8) -> (block(8,K) for K in [3,5]) -> gavgpool1d",
    "x = in(T,8) -> lstm(4,seq) as first\n[x, first -> lstm(4,seq,init=first.state)] -> concat -> is(T,8)",
    "in(T,int(50)) as ids -> embed(50,8,mask) -> bi(lstm(4,seq),sum) * 2 -> mha(2,4,causal) -> dense(50)\n"
    "train adam(1e-3), loss=mse, metrics=[mae], labels=(T,50)",
]
PIECES = (
    *" \n\t,.()[]{}=+-*/%?_#'\"\\|&!@^~`:;<>$", "->", "//", "..", "in", "as", "for", "let", "def",
    "train", "id", "is", "res", "td", "bi", "T", "?", "0", "1", "-1", "1e9", "0.5", "999999999999", "none",
    "true", "lstm(4)", "lstm", "dense(", ")", "é", "\u202e", "𝟘", "\0", "\x7f", "\u2028",
    "’", "→", "“", "×", "…",
)  # fmt: skip


def _changed(random: Random) -> str:
    """A spec with some tokens swapped, dropped, doubled, or put in."""
    text = random.choice(SPECS)
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        size = len(text)
        a, b = sorted((random.randint(0, size), random.randint(0, size)))
        b = min(b, a + random.choice((1, 3, 12)))
        form = random.randrange(6)
        if form == 0:
            text = text[:a] + text[b:]
        elif form == 1:
            text = text[:b] + text[a:b] * random.choice((1, 2)) + text[b:]
        elif form == 2:
            text = text[:a] + random.choice(PIECES) + text[a:]
        elif form == 3:
            text = text[:a] + random.choice(PIECES) + text[b:]
        elif form == 4:
            other = random.choice(SPECS)
            c = random.randint(0, len(other))
            text = text[:a] + other[c : c + 12] + text[a:]
        else:
            text = (
                text[:a]
                + chr(random.choice((random.randrange(0x20, 0x2FF), random.randrange(0xD7FF))))
                + text[a:]
            )
    return text


FUZZED = int(os.environ.get("SEQTOPO_FUZZED", "2000"))


def test_changed_specs_never_raise() -> None:
    refused = 0
    for seed in range(FUZZED):
        text = _changed(Random(f"changed {seed}"))
        try:
            report = check(text)
            shown = render_text(report.diagnostics)
        except Exception as error:
            error.add_note(f"the text was {text!r}, of seed {seed}")
            raise
        refused += not report.ok
        assert report.ok or shown, f"nothing is said of {text!r}"
        assert report.diagnostics == () or max(d.span.end for d in report.diagnostics) <= len(text), text
    assert FUZZED // 2 < refused < FUZZED, "too few texts are wrong, or none is right"


UNSEEN = "\x00\x07\x0b\x0c\x1b\x1c\x1e\x7f\x85\u2028\u2029\u202e\u2066\ufeff\n\r\t\\\"'"


@pytest.mark.parametrize("character", UNSEEN)
def test_fault_c_a_name_with_a_character_that_nobody_sees_comes_back(character: str) -> None:
    name = f"a{character}in(3,3) -> dense(9)"
    layers = [
        {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [None, 3]}},
        {"class_name": "Dense", "module": "keras.layers", "config": {"name": name, "units": 4}},
    ]
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    model["compile_config"] = {"optimizer": name, "loss": name, "metrics": [name]}
    text = decompile(model)
    assert text.replace("\n", "").isprintable()
    resolved = analyse(text).resolved
    assert resolved is not None
    assert [node.layer.name for node in resolved.graph.nodes if node.layer is not None] == [name]
