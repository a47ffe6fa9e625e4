"""Files that are nearly right: tables, arrays and saved models with a few bytes, cells or notes changed."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np

import seqtopo
from seqtopo.cli.main import main
from seqtopo.data.loading import Members, load
from seqtopo.data.series import read_series
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from tests.support import old_models
from tests.support.altered import alter

SPEC = "in(3,2) -> lstm(2) -> dense(2)"
IDS = (
    "in(3,int) -> embed(9,2) -> lstm(2) -> dense(9,softmax)\ntrain adam, loss=sparse_categorical_crossentropy"
)
TABLES = (
    "a,b\n1,2\n3,4\n5,6\n7,8\n9,10\n",
    "day;mm;grad\n2024-01-01;1,5;-2\n2024-01-02;2,5;-1\n2024-01-03;0,5;3\n2024-01-04;1,25;4\n",
    "1\t2\n3\t4\n5\t6\n7\t8\n",
    '"a, b",c\n"1",2e3\n3,-4.5\n\n5,.5\n6,7\n8,9\n',
)
CELLS = [
    *("", " ", "nan", "-inf", "1e999", "1e308", "-1e308", "1_000", "1,000", "1.234,5", "1.250", "0x10", "x"),
    *(
        "2024-02-30",
        "1.1.24",
        "12:30",
        "\u0661\u0662",
        "1\u00a0000",
        "-",
        "?",
        "#N/A",
        "$3",
        "5 %",
        '"',
        '"a',
    ),
    *(
        "\0",
        "\r",
        "\u2028",
        "\ud800",
        "'",
        "=1+1",
        "9" * 400,
        "1" * 5000,
        "true",
        "+",
        ".",
        "e5",
        "1e",
        "--1",
    ),
]
HEADS = [*("0", "-1", "1", "7", "99999999999", "(", ")", "L", ",", "'", "True", "False", "[", "None", "\0")]
HEADS += [
    *("<f8", ">i2", "<f2", "<f3", "<i16", "|O", "|V8", "<U4", "|S3", "<c8", "<M8[D]", "|b1", "<f16", "=f4")
]


def _arrays() -> dict[str, np.ndarray[Any, Any]]:
    steps = np.arange(20.0).reshape(10, 2)
    return {
        "series": steps,
        "fortran": np.asfortranarray(steps.astype("float32")),
        "samples": np.arange(30.0, dtype="float32").reshape(5, 3, 2),
        "ids": np.arange(10) % 9,
        "flags": np.arange(10) % 2 == 0,
        "words": np.array(["a", "bc"] * 5),
        "none": np.zeros((0, 2)),
        "one": np.array(3.5),
    }


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def _bytes_changed(data: bytes, random: Random) -> bytes:
    """A few bytes less, more, or others."""
    if not data:
        return random.randbytes(3)
    at = random.randrange(len(data))
    match random.randrange(4):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[at + random.randrange(1, 9) :]
        case 2:
            return data[:at] + random.randbytes(random.randrange(1, 5)) + data[at:]
    return data[:at] + random.randbytes(1) + data[at + 1 :]


def _array_changed(data: bytes, random: Random) -> bytes:
    """An ``.npy`` file with another word in its header, or numbers that are none; or other bytes."""
    if random.random() < 0.2 or len(data) < 12:
        return _bytes_changed(data, random)
    length = int.from_bytes(data[8:10], "little")
    head, body = data[10 : 10 + length].decode("latin-1"), data[10 + length :]
    words = list(re.finditer(r"\w+|[^\w\s]", head))
    match random.randrange(6):
        case 0 | 1 | 2 if words:
            word = random.choice(words)
            head = head[: word.start()] + random.choice(HEADS) + head[word.end() :]
        case 3:
            head = re.sub(r"'[<>|=]?\w+'(?=, 'fort)", f"'{random.choice(HEADS[15:])}'", head)
        case 4:
            sizes = [
                str(random.choice([0, 1, 2, 3, 5, 20, 10**6, 10**17])) for _ in range(random.randrange(4))
            ]
            head = re.sub(r"\([^)]*\)", f"({', '.join(sizes)},)" if sizes else "()", head)
        case 5:
            odd = random.choice([np.nan, np.inf, 1e308, -1e308, 1e39])
            at = 8 * random.randrange(max(1, len(body) // 8))
            body = body[:at] + np.array(odd).tobytes() + body[at + 8 :]
    raw = head.encode("latin-1", "replace")
    version = random.choice([data[6:8]] * 9 + [b"\x02\0", b"\x03\0", b"\x09\0"])
    return data[:6] + version + len(raw).to_bytes(2 if version[0] == 1 else 4, "little") + raw + body


def _table_changed(text: str, random: Random) -> str:
    """A table with another cell, a row less or more, another sign between its fields."""
    lines = text.split("\n")
    at = random.randrange(len(lines))
    sign = random.choice(",;\t")
    match random.randrange(7):
        case 0 | 1 | 2:
            cells = lines[at].split(sign)
            cells[random.randrange(len(cells))] = random.choice(CELLS)
            lines[at] = sign.join(cells)
        case 3:
            lines[at] += sign + random.choice(CELLS)
        case 4:
            del lines[at]
        case 5:
            lines.insert(at, random.choice(lines))
        case 6:
            return text.replace(
                random.choice(",;\t\n"), random.choice([",", ";", "\t", "\r\n", "\r", "|", " "])
            )
    return "\n".join(lines)


def _table(random: Random) -> bytes:
    text = random.choice(TABLES)
    for _ in range(random.choice([1, 1, 2, 3])):
        text = _table_changed(text, random)
    encoding = random.choice(["utf-8"] * 8 + ["utf-8-sig", "utf-16", "latin-1", "cp1252"])
    data = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    return _bytes_changed(data, random) if random.random() < 0.1 else data


def _array(random: Random) -> bytes:
    data = _npy(random.choice(list(_arrays().values())))
    for _ in range(random.choice([1, 1, 2])):
        data = _array_changed(data, random)
    return data


def _archive(random: Random) -> bytes:
    """An ``.npz`` file with samples, of which a member or a name is changed."""
    named = _arrays()
    if random.random() < 0.3:  # one array for each sample, of unequal lengths
        members = {f"x_{i}.npy": _npy(named["series"][: i + 2]) for i in range(3)}
        members["y.npy"] = _npy(named["series"][:3])
    else:
        members = {"x.npy": _npy(named["samples"]), "y.npy": _npy(named["series"][:5])}
    for _ in range(random.choice([0, 1, 1, 2])):
        name = random.choice(list(members))
        match random.randrange(4):
            case 0 | 1:
                members[name] = _array_changed(members[name], random)
            case 2:
                members[random.choice(["a.npy", "x", "d/", "../x.npy", "weights.npy", "X.npy"])] = (
                    members.pop(name)
                )
            case 3:
                members[name] = _npy(random.choice(list(named.values())))
    return _zipped(members, random)


def _zipped(members: dict[str, bytes], random: Random) -> bytes:
    packing = random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", packing) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return _bytes_changed(data.getvalue(), random) if random.random() < 0.2 else data.getvalue()


@cache
def _models() -> tuple[dict[str, bytes], ...]:
    """The parts of two saved models: one of a scaled series of two features, one of ids."""
    import tempfile

    from seqtopo.data.training.model_files import Notes, save_with

    made: list[dict[str, bytes]] = []
    series = np.arange(20.0).reshape(10, 2)
    notes = Notes(["a", "b"], [0], [9.0, 10.0], [5.0, 5.0], "next", 3, 1, series)
    ids = Notes(["id"], [0], [], [], "next", 3, 1, np.arange(10) % 9)
    with tempfile.TemporaryDirectory() as folder:
        for text, noted in (
            (SPEC.replace("dense(2)", "dense(1)") + "\ntrain adam, loss=mse", notes),
            (IDS, ids),
        ):
            path = Path(folder, "model.keras")
            save_with(seqtopo.compile(text), noted, path)
            with zipfile.ZipFile(path) as archive:
                made.append({name: archive.read(name) for name in archive.namelist()})
    return tuple(made)


def _model(random: Random) -> bytes:
    """A saved model with other notes, another end of the series, or another configuration."""
    members = dict(random.choice(_models()))
    name = random.choice(
        ["seqtopo.json"] * 6 + ["seqtopo.npy", "seqtopo.npy", "config.json", "metadata.json"]
    )
    if name.endswith(".npy"):
        members[name] = _array_changed(members[name], random)
    else:
        found = json.loads(members[name])
        if name == "seqtopo.json" and random.random() < 0.8:
            del found["digest"]
        for _ in range(random.choice([1, 1, 2, 3])):
            alter(found, random)
        members[name] = json.dumps(found).encode()
        if random.random() < 0.1:
            members[name] = _bytes_changed(members[name], random)
    if random.random() < 0.05:
        del members[random.choice(list(members))]
    return _zipped(members, random)


def _old_config(random: Random) -> bytes:
    """The configuration that an old Keras wrote, with other values in it."""
    config = copy.deepcopy(random.choice(list(old_models.ALL.values())))
    if random.random() < 0.3:
        config["training_config"] = copy.deepcopy(old_models.KERAS_2_TRAINING)
    for _ in range(random.choice([1, 1, 2, 3])):
        alter(config, random)
    data = json.dumps(config).encode()
    return _bytes_changed(data, random) if random.random() < 0.1 else data


@cache
def _old_files() -> tuple[bytes, ...]:
    """Files that Keras 1 and 2 saved, with the weights of some layers."""
    import tempfile

    made = []
    weights = {"lstm_1": {"lstm_1_W": np.zeros((4, 4), "float32")}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "old.h5")
        for config in (old_models.KERAS_1, old_models.TF_KERAS):
            old_models.write_h5(path, config, weights, old_models.KERAS_2_TRAINING)
            made.append(path.read_bytes())
    return tuple(made)


def _old_file(random: Random) -> bytes:
    data = random.choice(_old_files())
    for _ in range(random.choice([1, 2, 4])):
        data = _bytes_changed(data, random)
    return data


KINDS: dict[str, Callable[[Random], bytes]] = {
    ".csv": _table,
    ".npy": _array,
    ".npz": _archive,
    ".keras": _model,
    ".json": _old_config,
    ".h5": _old_file,
}


def draw_file(random: Random) -> tuple[str, bytes]:
    """The ending and the content of a file."""
    suffix = random.choices(list(KINDS), [4, 4, 4, 1, 4, 0.4])[0]
    data = KINDS[suffix](random)
    # Now and then under a name that promises something else.
    return (random.choice([*KINDS, ".tsv", ".txt", ""]) if random.random() < 0.05 else suffix), data


def opened(path: Path) -> list[Diagnostic]:
    """Read a file in every way that there is; return what is said of it."""
    if path.suffix == ".keras":
        return _forecast(path)
    said: list[Diagnostic] = []
    if path.suffix in (".json", ".h5"):
        try:
            seqtopo.decompile(path)
        except SpecError as error:
            said.extend(error.diagnostics)
        return said

    def tried(read: Callable[[], Any]) -> None:
        try:
            read()
        except SpecError as error:
            said.extend(error.diagnostics)

    for spec, ids in ((SPEC, False), (IDS, True)):
        for y, pad in ((None, False), (path, False), (path, True)):
            said += seqtopo.check(spec, x=path, y=y, pad=pad).diagnostics
        tried(lambda ids=ids: read_series(path, ids=ids))
        tried(lambda ids=ids: _loaded(path, ids))
        tried(lambda spec=spec: seqtopo.data.for_spec(spec, path))
    return said


def _loaded(path: Path, ids: bool) -> None:
    found = load(path, ids, ["x"], ["y"])
    if isinstance(found, Members):
        found.read()


def _forecast(path: Path) -> list[Diagnostic]:
    """Go on with a saved model, as the command does, which tells a fault of ours from a refusal."""
    said = io.StringIO()
    debug = mock.patch.dict(os.environ, SEQTOPO_DEBUG="1")
    with debug, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(["forecast", str(path), "--steps", "2", "--stock"])
    text = said.getvalue()
    if "ST901" in text or code not in (0, 1) or not text:
        raise AssertionError(f"exit code {code}: {text}")
    return []
