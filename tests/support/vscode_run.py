"""Drive a real VS Code with the packed extension: ``python -m tests.support.vscode_run SERVER VSIX FOLDER``.

It works as somebody would who opens a spec with a mistake in it, and leaves screenshots in FOLDER.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen
from zipfile import ZipFile

from playwright.sync_api import FrameLocator, Locator, Page, TimeoutError, expect, sync_playwright

WRONG = "# the first LSTM forgets its steps\nin(T,8) -> lstm(64) -> lstm(32) -> dense(1)\n"
MODEL = """\
import keras

model = keras.Sequential([keras.Input((24, 3)), keras.layers.LSTM(64), keras.layers.LSTM(32)])
"""
CELLS = (
    "import keras",
    "units = 64",
    "keras.Sequential([keras.Input((24, 3)), keras.layers.LSTM(units), keras.layers.LSTM(32)])",
    "%%seqtopo net\nin(T,3) -> lstm(8) -> lstm(4)",
)
CHOOSER = """\
exports.activate = () => ({
  environments: {
    getActiveEnvironmentPath: () => ({ id: "chosen", path: "chosen" }),
    resolveEnvironment: async ({ id }) => ({ id, executable: { uri: { fsPath: PYTHON } } }),
    onDidChangeActiveEnvironmentPath: () => ({ dispose() {} }),
  },
});
"""
"""A stand-in of the Python extension, which has chosen an interpreter."""
SECONDS = 60_000
"""Milliseconds that something may take to appear: a busy machine starts two servers meanwhile."""


def pack_chooser(file: Path, python: str) -> None:
    """Write the package of the stand-in of the Python extension."""
    manifest = {
        "name": "python",
        "publisher": "ms-python",
        "version": "0.0.1",
        "engines": {"vscode": "^1.91.0"},
    }
    manifest |= {"main": "./index.js", "activationEvents": ["onLanguage:python"]}
    with ZipFile(file, "w") as package:
        package.writestr("extension/package.json", json.dumps(manifest))
        package.writestr("extension/index.js", CHOOSER.replace("PYTHON", json.dumps(python)))


@contextmanager
def code_server(
    server: Path, extensions: list[Path], home: Path, settings: dict[str, object]
) -> Iterator[str]:
    """Start code-server with these extensions and no Python on its path, and yield its address."""
    user = home / "user"
    (user / "User").mkdir(parents=True)
    (user / "User" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (home / "config.yaml").write_text(
        f"bind-addr: 127.0.0.1:{port}\nauth: none\ncert: false\n", encoding="utf-8"
    )
    node = server.resolve() / "node_modules" / "node" / "bin" / "node"
    command = [
        str(node),
        str(server.resolve() / "node_modules" / "code-server" / "out" / "node" / "entry.js"),
    ]
    command += ["--config", str(home / "config.yaml"), "--user-data-dir", str(user)]
    command += ["--extensions-dir", str(home / "extensions")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    for extension in extensions:
        subprocess.run([*command, "--install-extension", str(extension)], check=True, **quiet)
    (home / "bin").mkdir()
    for name in ("python", "python3"):
        (home / "bin" / name).write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (home / "bin" / name).chmod(0o755)
    path = {**os.environ, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen([*command, "--disable-telemetry", "--disable-update-check"], env=path, **quiet)
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(120):
            try:
                urlopen(address, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, "code-server does not start"
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(30)


class Editor:
    """VS Code in a page of the browser."""

    def __init__(self, page: Page, address: str, folder: Path, pictures: Path) -> None:
        self.page = page
        self.pictures = pictures
        page.goto(f"{address}?folder={quote(str(folder))}")
        expect(page.locator(".monaco-workbench .part.statusbar")).to_be_visible(timeout=SECONDS)

    def open(self, name: str) -> None:
        """Open a file of the folder."""
        self.page.keyboard.press("Control+P")
        self._pick(name)
        expect(self.page.locator(f".tab.active[data-resource-name='{name}']")).to_be_visible(timeout=SECONDS)

    def run(self, command: str) -> None:
        """Run a command by its title."""
        self.page.keyboard.press("F1")
        self._pick(command)

    def _pick(self, text: str) -> None:
        expect(self.page.locator(".quick-input-widget input[type=text]")).to_be_focused(timeout=SECONDS)
        self.page.keyboard.type(text)
        first = self.page.locator(".quick-input-list .monaco-list-row.focused")
        expect(first).to_contain_text(text, timeout=SECONDS)
        self.page.keyboard.press("Enter")

    def expect_problems(self, count: int) -> None:
        """Wait until the status bar counts so many errors, and the text has squiggles where it should."""
        counter = self.page.locator("[id='status.problems'] a")
        expect(counter).to_have_attribute(
            "aria-label", f"Errors: {count}" if count else "No Problems", timeout=SECONDS
        )
        squiggles = self.page.locator(".squiggly-error")
        expect(squiggles).to_have_count(0) if not count else expect(squiggles.first).to_be_visible()

    def fixes(self, text: str) -> Locator:
        """Go to the first problem, open its fixes, and return the one with this text."""
        widget = self.page.locator(".marker-widget")
        self.page.keyboard.press("F8")
        expect(widget).to_be_visible(timeout=SECONDS)
        self.page.keyboard.press("Escape")
        expect(widget).to_be_hidden(timeout=SECONDS)
        fix = self.page.locator(".action-widget .monaco-list-row.action", has_text=text).first
        # The menu does not stay open while the page still changes, as when hints come in.
        for _ in range(SECONDS // 5000):
            self.page.keyboard.press("Control+.")
            try:
                fix.wait_for(timeout=5000)
            except TimeoutError:
                self.page.keyboard.press("Escape")
            else:
                break
        return fix

    def text(self) -> str:
        """Return the lines of the text that are seen."""
        return "\n".join(self.page.locator(".editor-instance .view-line").all_inner_texts()).replace(
            "\xa0", " "
        )

    def panel(self) -> FrameLocator:
        """Return the page inside the panel of the drawing."""
        return self.page.frame_locator("iframe.webview").frame_locator("#active-frame")

    def picture(self, name: str) -> None:
        """Leave a screenshot."""
        self.page.screenshot(path=self.pictures / f"{name}.png")


def fix_and_draw(editor: Editor) -> None:
    """Open a spec with a mistake, take its fix, and look at its drawings."""
    began = time.monotonic()
    editor.open("wrong.seqtopo")
    editor.expect_problems(1)
    print(f"the mistake was shown {time.monotonic() - began:.1f} s after the file was opened")
    editor.picture("1-mistake")
    fix = editor.fixes("add seq")
    editor.picture("2-fixes")
    fix.click()
    editor.expect_problems(0)
    assert "lstm(64,seq)" in editor.text().replace(" ", ""), editor.text()
    editor.run("seqtopo: Draw the Model")
    image = editor.panel().locator("#drawing")
    expect(image).to_be_visible(timeout=SECONDS)
    assert image.evaluate("image => image.naturalWidth") > 50
    editor.picture("3-drawing")
    editor.panel().get_by_role("button", name="Unrolled").click()
    expect(editor.panel().locator("[data-kind=unrolled][aria-pressed=true]")).to_be_visible(timeout=SECONDS)
    editor.picture("4-unrolled")
    editor.page.locator(".codelens-decoration").get_by_text("draw", exact=True).click()
    expect(editor.panel().locator("[data-kind=graph][aria-pressed=true]")).to_be_visible(timeout=SECONDS)
    editor.panel().get_by_role("button", name="Unrolled").click()
    expect(editor.panel().locator("[data-kind=unrolled][aria-pressed=true]")).to_be_visible(timeout=SECONDS)


def keep_the_drawing(editor: Editor) -> None:
    """Write a mistake while the panel is open: the drawing stays, and the mistake is said."""
    editor.page.locator(".editor-instance .view-line").last.click()
    editor.page.keyboard.press("Control+End")
    editor.page.keyboard.type("in(T,8) -> lstn(4)")
    said = editor.panel().locator("#said")
    expect(said).to_contain_text("lstn", timeout=SECONDS)
    expect(editor.panel().locator("#drawing.stale")).to_be_visible()
    editor.picture("5-while-it-is-wrong")
    for _ in "in(T,8) -> lstn(4)":
        editor.page.keyboard.press("Backspace")
    expect(said).to_be_empty(timeout=SECONDS)


def follow_to_keras_code(editor: Editor) -> None:
    """Open Python code beside the panel: its mistake is shown; mended, it is drawn."""
    editor.open("model.py")
    editor.expect_problems(1)
    editor.picture("6-keras-code")
    editor.fixes("return_sequences").click()
    editor.expect_problems(0)
    expect(editor.page.locator(".tab", has_text="model.py unrolled")).to_be_visible(timeout=SECONDS)
    expect(editor.panel().locator("#drawing:not(.stale)")).to_be_visible(timeout=SECONDS)
    editor.picture("7-keras-code-drawn")


def check_a_notebook(editor: Editor) -> None:
    """Open a notebook: a mistake of Keras code over several cells is shown, and one of a spec."""
    editor.open("cells.ipynb")
    for text in ("keras.layers.LSTM(units)", "lstm(4)"):
        cell = editor.page.locator(".notebookOverlay .cell-list-container .monaco-editor", has_text=text)
        expect(cell.locator(".squiggly-error").first).to_be_visible(timeout=SECONDS)
    editor.picture("8-notebook")


def take_a_text_for_a_spec(editor: Editor) -> None:
    """Open a .txt file that a setting says is a spec."""
    editor.open("spec.txt")
    language = editor.page.locator("[id='status.editor.mode']")
    expect(language).to_contain_text("seqtopo", timeout=SECONDS)


def switch_hints_off(editor: Editor, settings: Path) -> None:
    """Switch the shapes in the text off while the server runs."""
    editor.open("wrong.seqtopo")
    hint = editor.page.locator(".editor-instance .view-line", has_text="(T, 8)")
    expect(hint).to_be_visible(timeout=SECONDS)
    given = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps({**given, "seqtopo.inlayHints": False}), encoding="utf-8")
    # The editor asks for hints when the text changes.
    editor.page.locator(".editor-instance .view-line").last.click()
    editor.page.wait_for_timeout(3000)
    editor.page.keyboard.type(" ")
    expect(hint).to_be_hidden(timeout=SECONDS)


def say_how_to_install(editor: Editor, settings: Path, folder: Path) -> None:
    """Choose a Python without seqtopo: a message says what to run, and copies it."""
    venv.create(folder / "empty", with_pip=False)
    python = folder / "empty" / "bin" / "python"
    # Without the paths of this process, which the server has from it.
    (folder / "python").write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec "{python}" "$@"\n', encoding="utf-8")
    (folder / "python").chmod(0o755)
    given = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(
        json.dumps({**given, "seqtopo.interpreter": str(folder / "python")}), encoding="utf-8"
    )
    message = editor.page.locator(".notification-toast", has_text='-m pip install "seqtopo[lsp]"')
    expect(message).to_be_visible(timeout=SECONDS)
    editor.picture("9-not-installed")
    expect(editor.page.locator(".notification-toast .codicon-error")).to_have_count(0)
    message.get_by_role("button", name="Copy Command").click()
    expect(editor.page.locator(".notification-toast", has_text="Copied")).to_be_visible(timeout=SECONDS)
    copied = editor.page.evaluate("navigator.clipboard.readText()")
    assert copied == f'{python} -m pip install "seqtopo[lsp]"', copied


def main(server: Path, extension: Path, pictures: Path) -> None:
    """Run all of it, on the Python that runs this."""
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        home = Path(temporary)
        folder = home / "models"
        folder.mkdir()
        for name, text in (("wrong.seqtopo", WRONG), ("model.py", MODEL), ("spec.txt", WRONG)):
            (folder / name).write_text(text, encoding="utf-8")
        notebook = {"metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
        cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        notebook["cells"] = [{**cell, "id": str(at), "source": text} for at, text in enumerate(CELLS)]
        (folder / "cells.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        own = {"seqtopo.textFiles": ["**/spec.txt"]}
        pack_chooser(home / "python.vsix", sys.executable)
        (folder / ".vscode").mkdir()
        (folder / ".vscode" / "settings.json").write_text(json.dumps(own), encoding="utf-8")
        settings = {
            "security.workspace.trust.enabled": False,
            "workbench.startupEditor": "none",
            "workbench.secondarySideBar.defaultVisibility": "hidden",
            "chat.disableAIFeatures": True,
            "telemetry.telemetryLevel": "off",
            "seqtopo.trace.server": "verbose",
        }
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with code_server(server, [extension, home / "python.vsix"], home, settings) as address:
            context = browser.new_context(viewport={"width": 1280, "height": 760})
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            editor = Editor(context.new_page(), address, folder, pictures)
            try:
                fix_and_draw(editor)
                keep_the_drawing(editor)
                follow_to_keras_code(editor)
                check_a_notebook(editor)
                take_a_text_for_a_spec(editor)
                switch_hints_off(editor, folder / ".vscode" / "settings.json")
                say_how_to_install(editor, folder / ".vscode" / "settings.json", home)
            except BaseException:
                editor.picture("failed")
                for log in (home / "user").rglob("*seqtopo*.log"):
                    shutil.copy(log, pictures)
                raise
        browser.close()
    print(f"VS Code shows mistakes, takes their fixes, and draws; see {os.path.relpath(pictures)}")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
