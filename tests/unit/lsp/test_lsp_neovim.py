"""A real Neovim, with the settings that grammar/editors/README.md shows, sees mistakes and takes fixes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.imports import ROOT
from tests.unit.lsp.test_lsp_findings import KERAS

README = (ROOT / "grammar" / "editors" / "README.md").read_text(encoding="utf-8")
NVIM = shutil.which("nvim")

PROGRAM = """
local file, out = {file}, {{}}
vim.ui.select = function(items, _, done) done(items[1], 1) end
vim.cmd("edit " .. file)
local function wait(what) return vim.wait(60000, what, 20) end
local function found() return vim.diagnostic.get(0) end
local function text() return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), "\\n") end
wait(function() return #found() > 0 end)
local first = found()[1] or {{}}
out.filetype, out.code, out.line, out.column = vim.bo.filetype, first.code, first.lnum, first.col
vim.api.nvim_win_set_cursor(0, {{ first.lnum + 1, first.col }})
local before = text()
vim.lsp.buf.code_action()
wait(function() return text() ~= before end)
out.gone = wait(function() return #found() == 0 end)
out.text = text()
local place = {{ line = first.lnum, character = math.max(0, first.col - 11) }}
local at = {{ textDocument = {{ uri = vim.uri_from_bufnr(0) }}, position = place }}
for _, answer in pairs(vim.lsp.buf_request_sync(0, "textDocument/hover", at, 20000) or {{}}) do
  out.hover = answer.result and answer.result.contents.value
end
vim.fn.writefile({{ vim.json.encode(out) }}, {answer})
vim.cmd("qa!")
"""


def settings(version: tuple[int, int]) -> str:
    """The text of the README for a version of Neovim."""
    new, old = re.findall(r"```lua\n(.*?)```", README, re.DOTALL)
    return str(new if version >= (0, 11) else old)


def in_neovim(folder: Path, file: Path) -> dict[str, object]:
    """Return the output of a Neovim that opens a file and takes the first fix."""
    assert NVIM is not None
    said = subprocess.run([NVIM, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = re.findall(r"\d+", said)[:2]
    (folder / "init.lua").write_text(settings((int(major), int(minor))))
    bin = folder / "bin"
    bin.mkdir()
    command = bin / "seqtopo"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m seqtopo "$@"\n')
    command.chmod(0o755)
    answer = folder / "answer.json"
    (folder / "try.lua").write_text(
        PROGRAM.format(file=json.dumps(str(file)), answer=json.dumps(str(answer)))
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "NVIM"))}
    env = {
        **kept,
        "HOME": str(folder),
        "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    subprocess.run(
        [NVIM, "--headless", "-n", "-u", "init.lua", "-c", "luafile try.lua"],
        cwd=folder,
        env=env,
        check=True,
        timeout=240,
        capture_output=True,
    )
    found: dict[str, object] = json.loads(answer.read_text())
    return found


@pytest.mark.skipif(NVIM is None, reason="Neovim is not installed: ci/programs does it")
def test_neovim_sees_the_mistake_takes_the_fix_and_sees_it_gone(tmp_path: Path) -> None:
    file = tmp_path / "a.topo.txt"
    file.write_text("in(T,8) -> lstm(64) -> lstm(32)\n")
    found = in_neovim(tmp_path, file)
    assert (found["filetype"], found["code"], found["line"], found["column"]) == ("seqtopo", "ST301", 0, 23)
    assert found["text"] == "in(T,8) -> lstm(64,seq) -> lstm(32)"
    assert found["gone"] is True
    assert "takes `(T, 8)`, gives `(T, 64)`; 18,688 parameters" in str(found["hover"])


@pytest.mark.skipif(NVIM is None, reason="Neovim is not installed: ci/programs does it")
def test_neovim_mends_keras_code(tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text(KERAS)
    found = in_neovim(tmp_path, file)
    assert (found["filetype"], found["code"], found["gone"]) == ("python", "ST301", True)
    assert "layers.LSTM(64, return_sequences=True)" in str(found["text"])


def test_the_settings_for_helix_are_what_helix_reads() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    found = tomllib.loads(block)
    assert found["language-server"]["seqtopo"]["args"] == ["lsp"]
    assert [language["name"] for language in found["language"]] == ["seqtopo", "python"]
