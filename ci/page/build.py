"""Build the page as a folder that any static host serves, with Python and seqtopo in it.

``build.py NPM SITE``: NPM is a folder with ``node_modules``, SITE the folder to write. The page's own files
are those of the package. Python is npm's ``pyodide``, its standard library byte-compiled and without the
modules that no check needs. seqtopo and lark are byte-compiled too.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ci" / "page"))

from guide import FOLDER, build_guide  # noqa: E402

PAGE = ROOT / "seqtopo" / "play" / "page"
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")

LEFT_OUT = (
    "cli", "exporting", "lsp", "notebook", "runtime", "searching", "distributing", "data/training", "vgsl",
    "play/page", "play/server.py", "play/training.py", "pictures/labels.ttf", "pictures/labels-bold.ttf",
    "__main__.py",
)  # fmt: skip
"""The parts of seqtopo that build, train or serve, and that no answer of the page needs."""
LARK_LEFT_OUT = (
    "tools", "__pyinstaller", "grammars", "reconstruct.py",
    "ast_utils.py", "tree_templates.py", "tree_matcher.py", "indenter.py",
)  # fmt: skip
SOURCES = ("seqtopo/emit/inlined_helpers.py",)
"""The modules whose text is read, so that their source must be there."""
STDLIB_LEFT_OUT = (
    "_pydatetime", "_pydecimal", "_pyio", "_pyrepl", "_sysconfigdata__emscripten_wasm32-emscripten",
    "antigravity", "asyncio/__main__", "asyncio/proactor_events", "asyncio/tools", "asyncio/windows_events",
    "asyncio/windows_utils", "bdb", "cProfile", "cmd", "code", "compileall", "concurrent/futures/process",
    "concurrent/interpreters", "configparser", "ctypes", "curses", "dbm", "doctest", "ensurepip", "filecmp",
    "fileinput", "ftplib", "html/parser", "http", "idlelib", "imaplib", "logging/config",
    "logging/handlers", "mailbox", "modulefinder", "multiprocessing", "netrc", "optparse", "pdb",
    "pickletools", "plistlib", "poplib", "profile", "profiling", "pstats", "pyclbr", "pydoc", "pydoc_data",
    "sched", "shelve", "smtplib", "socketserver", "sqlite3", "statistics", "tabnanny", "tarfile", "test",
    "this", "timeit", "tkinter", "tomllib", "trace", "turtle", "turtledemo", "unittest", "urllib/error",
    "urllib/request", "urllib/response", "urllib/robotparser", "venv", "wave", "webbrowser", "wsgiref",
    "xml", "xmlrpc", "zipapp", "zoneinfo",
)  # fmt: skip
"""The modules of the standard library that nothing here imports; a test answers all kinds of texts."""
ENCODINGS = (
    "__init__", "aliases", "ascii", "cp437", "idna", "latin_1", "punycode", "utf_16", "utf_32", "utf_8",
    "utf_8_sig",
)  # fmt: skip
MOST_BYTES = 8_000_000
"""The most bytes of a download, compressed."""


def copied(folder: Path, target: Path, left_out: tuple[str, ...]) -> None:
    """Copy a package without some of its files."""
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and "__pycache__" not in name and not _left_out(name, left_out):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target / name)


def _left_out(name: str, left_out: tuple[str, ...]) -> bool:
    return any(name == out or name.startswith(f"{out}/") for out in left_out)


def compiled(folder: Path, npm: Path) -> None:
    """Compile a folder with the Python of the page, and leave the sources out."""
    shutil.copy(ROOT / "ci" / "page" / "compile.mjs", npm / "compile.mjs")
    subprocess.run(["node", str(npm / "compile.mjs"), str(folder)], check=True)
    for file in folder.rglob("*.py"):
        name = file.relative_to(folder).as_posix()
        if name in SOURCES:
            file.with_suffix(".pyc").unlink()
        elif file.with_suffix(".pyc").exists():
            file.unlink()


def packed(folder: Path, target: Path) -> None:
    """Pack a folder as a .zip file that is compressed as a whole, which makes it smaller and quicker to read.

    The same files give the same bytes.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                name = file.relative_to(folder).as_posix()
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), file.read_bytes())
    target.write_bytes(gzip.compress(made.getvalue(), 9, mtime=0))


def build(npm: Path, site: Path) -> None:
    """Write the folder."""
    shutil.rmtree(site, ignore_errors=True)
    (site / "pyodide").mkdir(parents=True)
    for file in PAGE.iterdir():
        shutil.copy(file, site / file.name)
    pyodide = npm / "node_modules" / "pyodide"
    for name in PYODIDE:
        shutil.copy(pyodide / name, site / "pyodide" / name)
    lock = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8")) | {"packages": {}}
    (site / "pyodide" / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        ours, library = Path(name) / "ours", Path(name) / "library"
        copied(ROOT / "seqtopo", ours / "seqtopo", LEFT_OUT)
        shutil.copytree(ROOT / "grammar" / "diagnostics", ours / "seqtopo" / "grammar" / "diagnostics")
        for grammar in ("seqtopo.lark", "DIAGNOSTICS.md"):
            shutil.copy(ROOT / "grammar" / grammar, ours / "seqtopo" / "grammar" / grammar)
        lark = find_spec("lark")
        copied(Path(str(lark and lark.origin)).parent, ours / "lark", LARK_LEFT_OUT)
        compiled(ours, npm)
        packed(ours, site / "seqtopo.zip.gz")
        with zipfile.ZipFile(pyodide / "python_stdlib.zip") as archive:
            archive.extractall(library)
        for file in sorted(library.rglob("*")):
            name_in = file.relative_to(library).as_posix().removesuffix(".py")
            is_odd = name_in.startswith("encodings/") and name_in.removeprefix("encodings/") not in ENCODINGS
            if file.is_file() and (is_odd or _left_out(name_in, STDLIB_LEFT_OUT)):
                file.unlink()
        compiled(library, npm)
        packed(library, site / "pyodide" / "python_stdlib.zip.gz")
    names = sorted(file.relative_to(site).as_posix() for file in site.rglob("*") if file.is_file())
    digest = hashlib.sha256()
    for file_name in names:
        digest.update((site / file_name).read_bytes())
    kept = json.dumps(["./", *names])[1:-1]
    worker = (ROOT / "ci" / "page" / "service.js").read_text(encoding="utf-8")
    worker = worker.replace("@VERSION@", digest.hexdigest()[:16]).replace("/*FILES*/", kept)
    (site / "service.js").write_text(worker, encoding="utf-8")
    build_guide(site)


def sizes(site: Path) -> dict[str, int]:
    """Return the bytes of each file on the wire, compressed by gzip."""
    files = [file for file in sorted(site.rglob("*")) if file.is_file() and not _is_guide(file, site)]
    return {f.relative_to(site).as_posix(): _size(f.read_bytes(), f.suffix) for f in files}


def _is_guide(file: Path, site: Path) -> bool:
    name = file.relative_to(site).as_posix()
    return name.startswith(f"{FOLDER}/") or name in ("guide.css", "guide.js")


def _size(data: bytes, ending: str) -> int:
    return len(data) if ending == ".gz" else len(gzip.compress(data, 9))


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
    taken = sizes(Path(sys.argv[2]))
    for file, size in sorted(taken.items(), key=lambda pair: -pair[1])[:8]:
        print(f"{size:>10,}  {file}")
    total = sum(taken.values())
    print(f"{total:>10,}  in all, compressed; {MOST_BYTES:,} are the most")
    sys.exit(total > MOST_BYTES)
