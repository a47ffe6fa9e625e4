"""Pictures as PDF and as TikZ: whole, the same as the SVG, and safe whatever the labels hold."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import seqtopo
from seqtopo.pictures.pdf import font, pdf
from seqtopo.pictures.scene import Scene, Text
from seqtopo.pictures.tikz import latex, tikz

SPEC = "encoder = in(S,3) -> lstm(8)\ndecoder = in(T,3) -> lstm(8,seq,init=encoder.state) * 3 -> dense(2)"
UNROLLED = "in(T,3) -> lstm(8) -> dense(2)"


def objects(data: bytes) -> dict[int, bytes]:
    """The objects of a PDF, found by the table at its end."""
    start = int(data.rstrip().split()[-2])
    assert data[start:].startswith(b"xref\n0 ")
    count = int(data[start:].split()[2])
    rows = data[start:].split(b"\n")[2 : count + 2]
    assert all(len(row) == 19 for row in rows)
    found = {}
    for number, row in list(enumerate(rows))[1:]:
        place = int(row[:10])
        head = f"{number} 0 obj\n".encode()
        assert data[place:].startswith(head)
        body = data[place + len(head) :]
        length = re.match(rb"<< /Length (\d+)", body)
        if length is not None:
            begin = body.index(b"stream\n") + len(b"stream\n")
            found[number] = zlib.decompress(body[begin : begin + int(length[1])])
            assert body[begin + int(length[1]) :].startswith(b"\nendstream\nendobj\n")
        else:
            found[number] = body[: body.index(b"\nendobj\n")]
    return found


def texts(data: bytes) -> list[str]:
    """The texts on the page of a PDF, from the numbers of their glyphs."""
    content = objects(data)[4].decode()
    back = [{glyph: chr(code) for code, glyph in font(bold).glyphs.items()} for bold in (False, True)]
    found = []
    for block in re.findall(r"BT (.*?) ET", content):
        words = ""
        for number, shown in re.findall(r"/F([01]) \S+ Tf .*?<([0-9a-f]*)> Tj", block):
            glyphs = [int(shown[i : i + 4], 16) for i in range(0, len(shown), 4)]
            words += "".join(back[int(number)].get(glyph, "?") for glyph in glyphs)
        found.append(words)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("spec", "unrolled"), [(SPEC, False), (UNROLLED, True)])
def test_a_pdf_holds_what_the_picture_shows(spec: str, unrolled: bool, theme: str) -> None:
    picture = seqtopo.draw(spec, unrolled=unrolled, theme=theme)  # type: ignore[arg-type]
    data, scene = picture.pdf(), picture.scene
    found = objects(data)
    assert len(found) == 15
    assert f"/MediaBox [0 0 {scene.w * 0.75:g} {scene.h * 0.75:g}]".encode() in found[3]
    assert texts(data) == [text.text + text.sub for text in scene.texts]
    content = found[4].decode()
    assert content.count(" b\n") + content.count(" b ") == sum(1 + box.copies for box in scene.boxes)
    assert content.count(" h f") == sum(line.arrow for line in scene.lines)
    assert data == picture.pdf()


def test_every_sign_of_a_picture_is_in_the_fonts() -> None:
    for bold in (False, True):
        assert all(font(bold).glyph(char) for char in "azAZ09()[],.×→←…−+-*/_⋯′")
    assert font(False).width("lstm(64)", 10) < font(True).width("lstm(64)", 10)


def test_a_pdf_has_the_size_that_is_asked_for() -> None:
    found = objects(seqtopo.draw(SPEC, size="1600x900").pdf())
    assert b"/MediaBox [0 0 1200 675]" in found[3]


@settings(max_examples=60)
@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_nothing_breaks_out_of_a_label(words: str) -> None:
    scene = Scene(words, words, 50, 50, texts=[Text(9, 9, words, w=9, sub=words)])
    found = objects(pdf(scene))
    assert len(found) == 15
    assert re.fullmatch(r"[-\w .\[\]/<>\n]*", found[4].decode())
    assert_is_latex(tikz(scene))


def assert_is_latex(text: str) -> None:
    """Asserts that what is opened is closed again, and that no line ends in a comment."""
    bare = re.sub(
        r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}", "", text
    )
    bare = re.sub(r"\\[{}%#$&_]", "", bare)
    level = 0
    for char in bare:
        level += {"{": 1, "}": -1}.get(char, 0)
        assert level >= 0
    assert level == 0
    assert [line for line in bare.splitlines()[1:] if "%" in line] == []
    assert bare.count("$") % 2 == 0
    assert re.findall(r"\\begin\{(\w+)\}", bare) == re.findall(r"\\end\{(\w+)\}", bare)[::-1]


@pytest.mark.parametrize(("spec", "unrolled"), [(SPEC, False), (UNROLLED, True)])
def test_tikz_holds_what_the_picture_shows(spec: str, unrolled: bool) -> None:
    picture = seqtopo.draw(spec, unrolled=unrolled)
    text, scene = picture.tikz(), picture.scene
    assert_is_latex(text)
    assert text.count("\\node[") == len(scene.texts)
    assert text.count(" rectangle ") == 1 + sum(1 + box.copies for box in scene.boxes)
    assert text.count("-- cycle;") == sum(line.arrow for line in scene.lines)
    for one in scene.texts:
        assert f"{{{latex(one.text)}" in text
    used = set(re.findall(r"[=\[](st[a-z]+)\b", text))
    defined = set(re.findall(r"\\definecolor\{(st\w+)\}", text))
    assert used <= defined


POPPLER = shutil.which("pdftoppm")


@pytest.mark.skipif(POPPLER is None, reason="pdftoppm is not installed: ci/programs")
def test_a_pdf_looks_like_the_png(tmp_path: Path) -> None:
    picture = seqtopo.draw(SPEC, theme="light")
    file = picture.save(tmp_path / "a.pdf")
    done = subprocess.run(
        [str(POPPLER), "-r", "96", "-png", "-singlefile", str(file), str(tmp_path / "a")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    ours, theirs = (Image.open(a).convert("L") for a in (BytesIO(picture.png(scale=1)), tmp_path / "a.png"))
    assert ours.size == theirs.size
    # Letters and edges are smoothed in two ways: from afar they are the same.
    far = [image.reduce(8).tobytes() for image in (ours, theirs)]
    assert max(abs(a - b) for a, b in zip(*far, strict=True)) < 60
