"""Headers of ``.npy`` and ``.npz`` files, good and hostile: an answer or a reason, never a traceback."""

from __future__ import annotations

import io
import math
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtopo.data.array import array_in_file, from_header
from seqtopo.data.headers import MAGIC, Unreadable, read_headers
from seqtopo.data.loading import Members, load
from seqtopo.diag.error import SpecError
from seqtopo.system.bounds import ARRAY_MEMBERS
from seqtopo.system.packages import get
from tests.support.imports import ROOT

CHILD = {**os.environ, "PYTHONPATH": str(ROOT)}


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    raw = header.encode("latin-1")
    size = struct.pack("<H" if version == 1 else "<I", len(raw))
    return MAGIC + bytes([version, 0]) + size + raw + data


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 3), "f4"),
        np.zeros((5, 3), ">f8"),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(4, dtype="u1"),
        np.array(3),
        np.array([True, False]),
        np.array(["a", "bc"]),
        np.zeros((0, 3)),
        np.array([1 + 2j]),
        np.array(["2020-01-01"], "M8[D]"),
    ],
    ids=lambda a: f"{a.dtype.str}{a.shape}",
)
@pytest.mark.parametrize("packed", ["npy", "npz", "packed npz"])
def test_a_header_says_what_numpy_says(tmp_path: Path, array: np.ndarray, packed: str) -> None:
    path = tmp_path / "x.data"
    with path.open("wb") as file:
        if packed == "npy":
            np.save(file, array)
        else:
            (np.savez if packed == "npz" else np.savez_compressed)(file, x=array)
    ((name, header),) = read_headers(path).items()
    assert name == ("" if packed == "npy" else "x")
    assert (header.shape, header.kind, header.dtype) == (array.shape, array.dtype.kind, array.dtype)


@pytest.mark.parametrize("dtype", ["f4", ">f8", "i2", ">i8", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_numbers_are_looked_at(tmp_path: Path, dtype: str, order: str, packed: bool) -> None:
    array = np.array([[0, 1, 1], [1, 0, 0]], dtype, order=order)
    path = tmp_path / "x"
    with path.open("wb") as file:
        np.savez_compressed(file, x=array) if packed else np.save(file, array)
    ((_, header),) = read_headers(path).items()
    values = from_header("x", header).values
    assert values is not None
    assert (values.low, values.high, values.whole, values.missing) == (0, 1, True, 0)


HOSTILE = {
    "empty": b"",
    "a text": b"1,2,3\n4,5,6\n",
    "magic alone": MAGIC,
    "magic cut": MAGIC[:4],
    "wrong magic": b"\x93NUMPX\x01\x00" + GOOD.encode(),
    "unknown version": npy(GOOD, bytes(24), 9),
    "no header": MAGIC + b"\x01\x00",
    "cut header": npy(GOOD)[:30],
    "cut data": npy(GOOD, bytes(23)),
    "huge header": MAGIC + b"\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{" * 1000,
    "nested header": npy("(" * 60_000),
    "huge shape": npy(GOOD.replace("(2, 3)", "(999999999999999999, 999999999999999999)"), bytes(24)),
    "a shape of digits": npy(GOOD.replace("(2, 3)", "(" + "9" * 5000 + ",)"), bytes(24)),
    "many axes": npy(GOOD.replace("(2, 3)", "(" + "1," * 100 + ")"), bytes(24)),
    "negative shape": npy(GOOD.replace("(2, 3)", "(-2, 3)"), bytes(24)),
    "code for a shape": npy(GOOD.replace("(2, 3)", "(__import__('os').system('x'),)")),
    "records": npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", bytes(8)),
    "no keys": npy("{}"),
    "text behind it": npy(GOOD.replace("\n", " x \n"), bytes(24)),
    "no comma": npy(GOOD.replace("False,", "False"), bytes(24)),
    "a key more": npy(GOOD.replace("}", "'x': 1}"), bytes(24)),
    "a zero byte": npy("\0" + GOOD, bytes(24)),
    "no tuple": npy(GOOD.replace("(2, 3)", "(6)"), bytes(24)),
    "a size left out": npy(GOOD.replace("(2, 3)", "(2, , 3)"), bytes(24)),
    "sizes without a comma": npy(GOOD.replace("(2, 3)", "(2 3,)"), bytes(24)),
    "floats of 3 bytes": npy(GOOD.replace("f4", "f3"), bytes(24)),
    "integers of 16 bytes": npy(GOOD.replace("f4", "i16"), bytes(96)),
    "booleans of 4 bytes": npy(GOOD.replace("f4", "b4"), bytes(24)),
    "a pickle": pickle.dumps([1, 2, 3]),
    "half an archive": b"PK\x03\x04" + bytes(40),
    "an empty archive": b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_answered(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(Unreadable, match=r"\w") as raised:
        read_headers(path)
    assert raised.value.help


@pytest.mark.parametrize(
    "header",
    [
        "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}",
        "{ 'descr' : '<f4' ,'fortran_order':False,'shape':(2L,3L,) , }  \n",
        "{'descr':'f4','fortran_order':True,'shape':\n(2,3)}",
    ],
)
def test_a_header_that_another_program_wrote_is_read(tmp_path: Path, header: str) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy(header, np.arange(6, dtype="f4").tobytes()))
    (found,) = read_headers(path).values()
    numbers = np.arange(6).reshape(2, 3, order="F" if "True" in header else "C")
    assert np.array_equal(array_in_file(found), numbers)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(4, 3, 2), (5,), (), (0, 3)])
@pytest.mark.parametrize("packed", [False, True])
def test_an_array_is_read_as_numpy_does(
    tmp_path: Path, order: Any, shape: tuple[int, ...], packed: bool
) -> None:
    array = np.asarray(np.arange(math.prod(shape)).reshape(shape), ">f8", order)
    path = tmp_path / "x"
    with path.open("wb") as file:
        np.savez_compressed(file, x=array) if packed else np.save(file, array)
    (header,) = read_headers(path).values()
    found = array_in_file(header)
    assert np.array_equal(found, array)
    assert found.dtype == array.dtype


def test_fault_b_an_archive_that_is_damaged_behind_its_header_is_told(tmp_path: Path) -> None:
    good = npy(GOOD.replace("(2, 3)", "(2000, 3)"), bytes(24_000))
    path = archive(tmp_path / "x.npz", {"x.npy": good, "y.npy": good}, zipfile.ZIP_STORED)
    whole = path.read_bytes()
    path.write_bytes(whole[:20_000] + b"\xff" * 8 + whole[20_008:])
    found = load(path, False, ["x"], ["y"])
    assert isinstance(found, Members)
    with pytest.raises(SpecError, match="damaged archive") as raised:
        found.read()
    assert raised.value.diagnostics[0].code == "ST710"


def test_a_path_that_is_no_file_is_answered(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.npy"):
        with pytest.raises(Unreadable, match=r"not a file|no such file"):
            read_headers(path)


def archive(path: Path, members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_hostile_archives_are_answered(tmp_path: Path) -> None:
    good = npy(GOOD, bytes(24))
    for members in (
        {"x.npy": b"no array"},
        {"x.npy": npy(GOOD, bytes(5))},
        {f"{i}.npy": good for i in range(ARRAY_MEMBERS + 1)},
        {"x.npy": good, "x": good},
    ):
        with pytest.raises(Unreadable, match=r"\w"):
            read_headers(archive(tmp_path / "x.npz", members))
    damaged = bytearray(archive(tmp_path / "y.npz", {"x.npy": good}).read_bytes())
    damaged[45:60] = bytes(15)
    (tmp_path / "y.npz").write_bytes(damaged)
    with pytest.raises(Unreadable, match="damaged archive"):
        read_headers(tmp_path / "y.npz")


def test_a_zip_bomb_is_never_unpacked_as_a_whole(tmp_path: Path) -> None:
    count = 2**26
    header = GOOD.replace("(2, 3)", f"({count}, 1)")
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("x.npy", "w") as member,
    ):
        member.write(npy(header))
        for _ in range(4 * count // 2**24):
            member.write(bytes(2**24))
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from seqtopo.data.array import from_header; from seqtopo.data.headers import read_headers\n"
        "import numpy\nbefore = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "array = from_header('x', read_headers(Path(sys.argv[1]))['x'])\nassert array.values.high == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 150_000  # kB; unpacked it would be 256 MB


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'opened'}",)

    path = tmp_path / "x.npy"
    np.save(path, np.array([Trap()], object), allow_pickle=True)
    array = from_header("x", read_headers(path)[""])
    assert (array.kind, array.words, array.values) == ("O", "Python objects", None)
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([Trap()], object), allow_pickle=True)
    assert not (tmp_path / "opened").exists()


WITHOUT_NUMPY = (
    "import sys; sys.modules['numpy'] = None\nfrom seqtopo.cli.main import main; sys.exit(main(sys.argv[1:]))"
)


def without_numpy(folder: Path, *words: str) -> tuple[int, str]:
    """The exit code and the output of a command where NumPy is not installed."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMPY, *words],
        cwd=folder,
        env=CHILD,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("side", ["--x", "--y"])
def test_without_numpy_a_file_is_refused_and_the_help_installs_it(
    tmp_path: Path, name: str, side: str
) -> None:
    with (tmp_path / name).open("wb") as file:
        (np.save if name == "x.npy" else np.savez)(file, np.zeros((5, 3, 2)))
    code, said = without_numpy(tmp_path, "check", "in(T,2) -> lstm(4)", side, name)
    assert code == 1
    assert f"error[ST710]: {name} cannot be read as data: NumPy, which reads it, is not installed" in said
    assert f"help: install it: {get('numpy')}" in said


def test_without_numpy_a_check_without_data_and_files_that_are_no_arrays_are_as_ever(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"\x80\x04")
    assert without_numpy(tmp_path, "check", "in(T,2) -> lstm(4)")[0] == 0
    code, said = without_numpy(tmp_path, "check", "in(T,2) -> lstm(4)", "--x", "x.npy")
    assert (code, "looks like a pickle" in said) == (1, True)


DEEP = ["-" * 65_000, "1+" * 32_000 + "1", "[" * 65_000, "lambda:" * 9_000, "not " * 16_000, "f'{" * 21_000]


@pytest.mark.parametrize("text", [*DEEP, "{{}: 1}", "{1: 2, 'descr': 3}", "'''", "{'descr': ()}", "\\d"])
def test_a_header_that_defeats_the_parser_is_answered(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy(text))
    with pytest.raises(Unreadable, match="its header is damaged"):
        read_headers(path)


@pytest.mark.parametrize("descr", ["()", "[()]", "{'x': 1}", "1", "None", "('<f4', (2,))", "'U999999999'"])
def test_a_descr_that_is_no_dtype_is_answered(tmp_path: Path, descr: str) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy(GOOD.replace("'<f4'", descr), bytes(48)))
    with pytest.raises(Unreadable, match="its header is damaged"):
        read_headers(path)


def test_the_reason_of_numpy_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(npy(GOOD.replace("f4", "f3"), bytes(24)))
    with pytest.raises(Unreadable, match=r"its header is damaged \(descr is not a valid .*'<f3'\)"):
        read_headers(path)


def test_no_more_than_a_header_may_have_is_read(tmp_path: Path) -> None:
    long = MAGIC + b"\x02\x00" + struct.pack("<I", 2**31) + b" " * 2**20
    path = archive(tmp_path / "x.npz", {"x.npy": long})
    with pytest.raises(Unreadable, match="too long for a plain array"):
        read_headers(path)
    (tmp_path / "x.npy").write_bytes(npy(GOOD)[:60])
    with pytest.raises(Unreadable, match="ends inside its header"):
        read_headers(tmp_path / "x.npy")
