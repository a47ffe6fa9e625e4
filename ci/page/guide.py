"""Write the guide, and the pages that it leads to, as HTML beside the page: each spec opens where it stands.

A spec gets a link to the page with its text in the address. ``guide.js`` opens it in place of the link.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
START = ROOT / "examples" / "guide" / "README.md"
FOLDER = "guide"
"""The folder of these pages in that of the page; they are not kept for a visit without a network."""
PICTURES = (".svg", ".png")
SHOWING = ("check", "show", "draw", "explain", "build", "to-python")
"""Commands whose spec the page shows."""
_COMMAND = re.compile(r"^\$ (seqtopo (?:\"[^\"]*\"|'[^']*'|[^\"'\n])*)$", re.M)
"""A command in a console block; what is quoted in it may be of several lines."""

_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; style-src 'self'; \
img-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{root}icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{root}guide.css">
<script type="module" src="{root}guide.js"></script>
</head>
<body>
<nav><a href="{home}">Guide</a> <a href="{root}">Playground</a></nav>
<main>
{body}</main>
</body>
</html>
"""


def build_guide(site: Path, start: Path = START) -> list[Path]:
    """Write the pages that can be reached from the first one, and return them."""
    for name in ("guide.css", "guide.js"):
        shutil.copy(Path(__file__).parent / name, site / name)
    waiting, written = [start], {}
    while waiting:
        page = waiting.pop()
        if page in written:
            continue
        written[page] = site / FOLDER / page.relative_to(ROOT).with_suffix(".html")
        made = _Page(page)
        written[page].parent.mkdir(parents=True, exist_ok=True)
        written[page].write_text(made.html(start), encoding="utf-8")
        for file in made.leads_to:
            if file.suffix == ".md":
                waiting.append(file)
            else:
                copy = site / FOLDER / file.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
    return sorted(written.values())


def address(text: str, dims: Mapping[str, str] | None = None) -> str:
    """Return what stands behind the page's address for a text: ``#v1=...``, as ``link.js`` reads it.

    >>> address("in(8) -> dense(1)")
    '#v1=q1YqSa0oUbJSyszTsNBU0LVTSEnNK07VMNRUqgUA'
    """
    data = json.dumps({"text": text, **({"dims": dims} if dims else {})}, separators=(",", ":"))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data.encode()) + packer.flush()
    return "#v1=" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


class _Page:
    """A page in Markdown, its links turned towards the pages in HTML."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.leads_to: list[Path] = []
        self.root = "../" * (len(file.relative_to(ROOT).parts) + FOLDER.count("/"))
        self.markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        self.markdown.renderer.rules["fence"] = self._fence

    def html(self, start: Path) -> str:
        tokens = self.markdown.parse(_without_comments(self.file.read_text(encoding="utf-8")))
        for token in _every(tokens):
            for name in ("href", "src"):
                if name in token.attrs:
                    self._turn(token, name)
        for heading, words in pairwise(tokens):
            if heading.type == "heading_open":
                heading.attrs["id"] = _slug("".join(part.content for part in words.children or ()))
        title = next((t.content for t in tokens if t.type == "inline"), "seqtopo").replace("`", "")
        home = f"{self.root}{FOLDER}/{start.relative_to(ROOT).with_suffix('.html').as_posix()}"
        body = self.markdown.renderer.render(tokens, self.markdown.options, {})
        return _TEMPLATE.format(title=escape(title), root=self.root, home=home, body=body)

    def _turn(self, token: Token, name: str) -> None:
        """Turn a link towards what is written here; one that leads to anything else becomes plain words."""
        parts = urlsplit(str(token.attrs[name]))
        if parts.scheme or not parts.path:
            return
        file = (self.file.parent / unquote(parts.path)).resolve()
        if file.suffix == ".md" or file.suffix in PICTURES:
            self.leads_to.append(file)
            path = parts.path.removesuffix(".md") + ".html" if file.suffix == ".md" else parts.path
            token.attrs[name] = path + (f"#{parts.fragment}" if parts.fragment else "")
        else:
            del token.attrs[name]

    def _fence(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        token = tokens[at]
        shown = f"<pre><code>{escape(token.content)}</code></pre>\n"
        if token.info == "seqtopo":
            found = {token.content.rstrip("\n"): ("Open it", {})}
        else:
            found = {spec: (spec, dims) for spec, dims in _specs(token)}
        links = "".join(
            f'<p class="try"><a href="{self.root}{address(spec, dims)}">{escape(words)}</a></p>\n'
            for spec, (words, dims) in found.items()
        )
        return shown + links


def _specs(token: Token) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the specs that the commands of a console block are about, and the sizes that these give."""
    if not token.info.startswith("console"):
        return
    for command in _COMMAND.findall(token.content):
        words = shlex.split(command)
        if len(words) < 3 or words[1] not in SHOWING:
            continue
        dims = dict(given.split("=", 1) for flag, given in pairwise(words) if flag == "-D" and "=" in given)
        yield from ((word, dims) for word in words[2:] if "->" in word and "in(" in word)


def _every(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _without_comments(text: str) -> str:
    return re.sub(r"^<!--.*?-->\n?", "", text, flags=re.M | re.S)


def _slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
