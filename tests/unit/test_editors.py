"""The VS Code extension: what its manifest names is there, and its snippets are right specs."""

from __future__ import annotations

import json
import re

import pytest

import seqtopo
from seqtopo.cli.reference import EDITORS

FOLDER = EDITORS.parents[1]
MANIFEST = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
CONTRIBUTES = MANIFEST["contributes"]
SNIPPETS = json.loads((FOLDER / "snippets" / "seqtopo.json").read_text(encoding="utf-8"))
SCRIPTS = "\n".join(file.read_text(encoding="utf-8") for file in sorted((FOLDER / "src").glob("*.js")))
_CHOICE = re.compile(r"\$\{(\d+)\|([^|]*)\|\}")
_DEFAULT = re.compile(r"\$\{(\d+):([^${}]*)\}")
_AGAIN = re.compile(r"\$\{(\d+)\}")


def inserted(body: list[str], choice: int) -> str:
    """The text of a snippet whose defaults nobody changes, with one of its choices."""
    text = "\n".join(body)
    values: dict[str, str] = {}

    def chosen(match: re.Match[str]) -> str:
        words = match[2].split(",")
        values[match[1]] = words[choice % len(words)]
        return values[match[1]]

    def left(match: re.Match[str]) -> str:
        values[match[1]] = match[2]
        return match[2]

    text = _DEFAULT.sub(left, _CHOICE.sub(chosen, text))
    return _AGAIN.sub(lambda match: values[match[1]], text)


def complete(text: str) -> str:
    """A spec with what a snippet inserts in it, which may be a statement or a step of a flow."""
    if text.startswith("train"):
        return f"in(T,8) -> lstm(8) -> dense(1)\n{text}"
    return text if "in(" in text else f"in(T,8) -> {text}"


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_is_a_right_spec_and_formatted(name: str) -> None:
    for choice in range(5):
        text = complete(inserted(SNIPPETS[name]["body"], choice))
        assert "$" not in text
        assert seqtopo.check(text).ok, text
        assert seqtopo.format_spec(text).strip() == text.strip()


def test_the_manifest_and_the_package_have_one_version() -> None:
    assert MANIFEST["version"] == seqtopo.__version__


def test_every_file_that_the_manifest_names_is_there() -> None:
    named = re.findall(r'"\./([^"]+)"', json.dumps(CONTRIBUTES))
    assert len(named) > 3
    assert not [name for name in named if not (FOLDER / name).is_file()]


def test_every_command_is_registered_and_every_setting_is_read() -> None:
    commands = {command["command"] for command in CONTRIBUTES["commands"]}
    assert commands == {f"seqtopo.{name}" for name in re.findall(r'\bcommand\("(\w+)"', SCRIPTS)}
    settings = {name.removeprefix("seqtopo.") for name in CONTRIBUTES["configuration"]["properties"]}
    # The client of the protocol reads the tracing itself.
    assert settings - {"trace.server"} == set(re.findall(r'\bget\("(\w+)"', SCRIPTS))


def test_the_page_of_the_panel_runs_its_own_script_alone() -> None:
    (policy,) = re.findall(r"const policy = `(.*)`", SCRIPTS)
    sources = dict(part.split(maxsplit=1) for part in policy.split("; "))
    assert sources == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "${webview.cspSource}",
        "script-src": "'nonce-${nonce}'",
    }
    page = (FOLDER / "media" / "drawing.js").read_text(encoding="utf-8")
    assert "innerHTML" not in page
