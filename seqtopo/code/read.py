"""Read Python files and notebooks for the Keras models that they make; nothing in them is run."""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
from pathlib import Path

from seqtopo.code import keras_names
from seqtopo.code.calling import Caller
from seqtopo.code.classes import kind_of, read_subclass
from seqtopo.code.interpret import Interpreter
from seqtopo.code.machine import PARAMETER, BoundError
from seqtopo.code.model import CodeCall, CodeFile, CodeModel, Opaque, Where
from seqtopo.code.models import code_of
from seqtopo.code.notebook import Notebook, NotebookError, read_notebook
from seqtopo.code.parsing import parsed
from seqtopo.code.values import (
    Arguments,
    Function,
    Instance,
    KerasModel,
    Module,
    Scope,
)
from seqtopo.layers.sizes import Expr
from seqtopo.source import Source, Span
from seqtopo.system import bounds
from seqtopo.system.files import open_file

_PACKAGES = frozenset(
    {"keras", "tensorflow", "numpy", "pandas", "sklearn", "scipy", "torch", "jax", "matplotlib"}
)
"""Installed packages, whatever files of the project have their names."""


def read_file(path: Path | str) -> CodeFile:
    """Return the models that a Python file or a notebook makes.

    What cannot be read is told in ``stops``; a file that is damaged gives no models.

    Raises:
        OSError: the file cannot be opened, or is a pipe or a device.
    """
    path = Path(path)
    return read_raw(read_bytes(path), str(path), path)


def read_bytes(path: Path | str) -> bytes:
    """Return the bytes of a file; of one that is too large, one more than its bound.

    Raises:
        OSError: the file cannot be opened, or is a pipe or a device.
    """
    with open_file(path) as file:
        return file.read(bounds.CODE_BYTES + 1)


def read_raw(raw: bytes, name: str, path: Path | None = None) -> CodeFile:
    """Return the models of a file by its bytes, as ``read_file`` does."""
    if len(raw) > bounds.CODE_BYTES:
        return _unread(name, f"the file is larger than {bounds.CODE_BYTES:,} bytes")
    text = decoded(raw)
    if text is None:
        return _unread(name, "its bytes are no text in the encoding that it says, or in UTF-8")
    return read_text(text, name, path)


def _unread(name: str, why: str) -> CodeFile:
    source = Source("", name)
    return _damaged(CodeFile(source), Opaque(why, Where(source, Span(0, 0))))


def _damaged(file: CodeFile, why: Opaque) -> CodeFile:
    file.stops.append(why)
    file.damage.append(why)
    return file


def decoded(raw: bytes) -> str | None:
    """Return the text of a Python file by its mark or its first lines; None where it is none."""
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            return raw.decode("utf-16")
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return raw.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None


def read_text(text: str, name: str = "<code>", path: Path | None = None) -> CodeFile:
    r"""Return the models that a Python text, or a notebook's JSON, makes.

    ``path`` is where the text lies, if files beside it may be followed.

    >>> found = read_text("from keras import layers, Sequential, Input\n"
    ...                   "model = Sequential([Input((8, 3)), layers.LSTM(4)])")
    >>> [(m.name, [c.layer.kind for c in m.calls]) for m in found.models]
    [('model', ['LSTM'])]
    """
    text = text.removeprefix("\ufeff")
    if name.endswith(".ipynb") or (text.lstrip()[:1] == "{" and '"cells"' in text):
        try:
            notebook = read_notebook(text, name)
        except NotebookError as error:
            source = Source(text, name)
            return _damaged(CodeFile(source), Opaque(str(error), Where(source, Span(0, 0))))
        return read_cells(notebook, path)
    file = CodeFile(Source(text, name))
    return _read(file, _statements(file, text, 0), path)


def read_cells(notebook: Notebook, path: Path | None = None) -> CodeFile:
    """Return the models that the code cells of a notebook make."""
    file = CodeFile(notebook.source, notebook=notebook)
    return _read(file, _cells(file, notebook), path)


def _read(file: CodeFile, statements: list[ast.stmt], path: Path | None) -> CodeFile:
    project = Project(path)
    machine = Interpreter(file, project.find)
    file.statements = statements
    module = Module("__main__", file.source, package=project.package)
    machine.scope = scope = Scope(module.names, module)
    try:
        for statement in statements:
            try:
                machine.run([statement])
            except RecursionError:
                machine.stop("it nests too deeply to be followed", statement)
            machine.scope, machine.depth = scope, 0
            machine.trail.clear()
        for rest in (run_uncalled, read_unread):
            try:
                rest(machine)
            except RecursionError:
                machine.stop("it nests too deeply to be followed")
    except BoundError as error:
        machine.scope = scope
        machine.stop(str(error), machine.statement)
        machine.steps = 0
    machine.trail.clear()
    file.models = _models(machine)
    return file


def _models(machine: Interpreter) -> list[CodeModel]:
    """Return the models that were made, equal ones at one place once, each with a name of its own."""
    found: list[CodeModel] = []
    seen: set[object] = set()
    names: dict[str, int] = {}
    for model in machine.models:
        code = code_of(machine, model)
        for source in code.inputs:
            if type(source.batch) is not int and not isinstance(source.batch, Expr):
                source.batch = None
        key = (code.where, *(_signature(code)))
        if key in seen and not code.training:
            continue
        seen.add(key)
        name = code.name or code.keras_name or "model"
        names[name] = names.get(name, 0) + 1
        code.name = name if names[name] == 1 else f"{name}_{names[name]}"
        found.append(code)
    return found


def _signature(code: CodeModel) -> tuple[object, ...]:
    return tuple((c.layer.kind, c.where, str(c.gives), _units(c)) for c in code.calls)


def _units(call: CodeCall) -> str:
    """Return the units or filters of a call's layer as text; "" if it has none that are known."""
    given = call.layer.args.get("units", call.layer.args.get("filters"))
    return str(given.value) if given is not None and isinstance(given.value, (int, Expr)) else ""


# ---- syntax --------------------------------------------------------------------------------------


def _cells(file: CodeFile, notebook: Notebook) -> list[ast.stmt]:
    """Return the statements of the cells, each parsed by itself."""
    found: list[ast.stmt] = []
    for cell in notebook.in_order:
        text = notebook.python[cell.span.start : cell.span.end]
        found += _statements(file, text, notebook.source.place(cell.span.start).line - 1)
    return found


def _statements(file: CodeFile, text: str, lines: int) -> list[ast.stmt]:
    """Return the statements of a text in front of which ``lines`` lines stand.

    Of a text with an error these are the statements that can be read.
    """
    tree = parsed(text)
    if isinstance(tree, SyntaxError):
        tree = _mended(file, text, lines, tree)
    if lines:
        for statement in tree.body:
            ast.increment_lineno(statement, lines)
    return tree.body


_OLD_PRINT = re.compile(r"^([ \t]*(?:[^#'\"\n]*?[:;][ \t]*)?)print\b(?![ \t]*[(=.]).*$", re.MULTILINE)
_OLD_CALL_PRINT = re.compile(
    r"^([ \t]*)print[ \t]*\(.*\)[ \t]*(?:%|,).*$|^([ \t]*)print[ \t]*>>.*$", re.MULTILINE
)
_OLD_EXCEPT = re.compile(r"^([ \t]*except[ \t]+[\w.() ,\t]*?),([ \t]*\w+)([ \t]*:)", re.MULTILINE)
_OLD_RAISE = re.compile(r"^([ \t]*)raise[ \t]+\w+[ \t]*,.*$", re.MULTILINE)
_OLD_EXEC = re.compile(r"^([ \t]*)exec[ \t]+[^(\s].*$", re.MULTILINE)
_OLD_NUMBER = re.compile(r"\b(\d+)[lL]\b|\b0(\d+)\b(?!\.)")


def _mended(file: CodeFile, text: str, lines: int, error: SyntaxError) -> ast.Module:
    """Parse as much as possible of a text with a syntax error, and note the error.

    Statements of Python 2 are blanked out, and an indented cell is read in a block. Where that does not help,
    the part before the error is read.
    """

    def blank(match: re.Match[str]) -> str:
        return f"{match.group(1) or ''}0".ljust(len(match.group()))

    old = _OLD_PRINT.sub(blank, text)
    old = _OLD_EXEC.sub(blank, _OLD_RAISE.sub(blank, _OLD_CALL_PRINT.sub(blank, old)))
    old = _OLD_EXCEPT.sub(lambda m: (m.group(1) + m.group(3)).ljust(len(m.group())), old)
    old = old.replace("<>", "!=").replace("\u00a0", " ")
    tree = parsed(old)
    if isinstance(tree, ast.Module):
        return tree
    again = parsed(_OLD_NUMBER.sub(lambda m: (m.group(1) or m.group(2)).rjust(len(m.group())), old))
    if isinstance(again, ast.Module):
        return again
    if text[:1] in (" ", "\t"):
        inside = parsed("if 1:\n" + text)
        if isinstance(inside, ast.Module) and len(inside.body) == 1:
            tree_inside = ast.Module(inside.body[0].body, [])  # type: ignore[attr-defined]
            return ast.increment_lineno(tree_inside, -1)
    error = tree
    _note(file, error, lines)
    found = _before(old, error.lineno or 1)
    if file.notebook is not None:
        found.body += _not_read(old, found, error.lineno or 1)
    return found


_SET = re.compile(r"^[ \t]*([A-Za-z_]\w*)[ \t]*=(?!=)", re.MULTILINE)


def _not_read(text: str, found: ast.Module, line: int) -> list[ast.stmt]:
    """Return assignments of unknown values to the names that the unreadable rest of a cell sets."""
    read = found.body[-1].end_lineno or 0 if found.body else 0
    rest = "".join(text.splitlines(keepends=True)[read:])
    names = dict.fromkeys(name for name in _SET.findall(rest) if not keyword.iskeyword(name))
    lines = "".join(f"{name} = __not_read__()\n" for name in names)
    body = ast.parse(lines).body
    for i, statement in enumerate(body):
        ast.increment_lineno(statement, line - 1 - i)
    return body


def _note(file: CodeFile, error: SyntaxError, lines: int) -> None:
    line = min(max(1, (error.lineno or 1) + lines), file.source.lines)
    start = file.source.start_of(line)
    where = Where(file.source, Span(start, start + len(file.source.line(line))))
    _damaged(file, Opaque(f"it is no Python that can be read: {error.msg}", where))


def _before(text: str, line: int) -> ast.Module:
    """Return the statements before a line, up to the last one that can be parsed."""
    found = re.split(r"(?<=\n)", text)[: max(0, line)]
    for _ in range(12):
        while found and not found.pop().strip():
            pass
        while found and (
            found[-1][:1] in " \t\r\n)]}#" or found[-1].startswith(("else", "elif", "except", "finally"))
        ):
            found.pop()
        start = parsed("".join(found))
        if isinstance(start, ast.Module):
            return start
        if start.lineno and start.lineno < len(found):
            found = found[: start.lineno]
    return ast.Module([], [])


# ---- files ---------------------------------------------------------------------------------------


class Project:
    """The files around a file: those that it may import."""

    def __init__(self, path: Path | None) -> None:
        self.folder = path.resolve().parent if path is not None else None
        self.root = self.folder
        parts: list[str] = []
        while (
            self.root is not None and (self.root / "__init__.py").is_file() and self.root.parent != self.root
        ):
            parts.insert(0, self.root.name)
            self.root = self.root.parent
        self.package = ".".join(parts)

    def find(self, name: str, around: Module) -> Module | None:
        """Return the file of the project that a dotted name means; None for an installed package."""
        parts = name.split(".")
        if self.folder is None or self.root is None or parts[0] in _PACKAGES or not all(parts):
            return None
        for base in dict.fromkeys((Path(around.source.name).resolve().parent, self.folder, self.root)):
            for path, package in (
                (base.joinpath(*parts).with_suffix(".py"), parts[:-1]),
                (base.joinpath(*parts, "__init__.py"), parts),
            ):
                if path.is_file() and path.resolve().is_relative_to(self.root):
                    found = self._load(path, name, ".".join(package))
                    if found is not None:
                        return found
        return None

    def _load(self, path: Path, name: str, package: str) -> Module | None:
        try:
            raw = read_bytes(path)
        except OSError:
            return None
        text = decoded(raw) if len(raw) <= bounds.CODE_BYTES else None
        if text is None:
            return None
        return Module(name, Source(text.removeprefix("\ufeff"), str(path)), package=package)


_MAKERS = frozenset(
    {"Sequential", "Model", "Input", "add", *keras_names.ROW_OF}
    | {"Lambda", "CuDNNLSTM", "CuDNNGRU", "Functional"}
)
"""Words in a function that makes a model or a part of one."""


def _words(node: ast.AST) -> frozenset[str]:
    """Return the names and attributes in a function."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
    return frozenset(found)


def run_uncalled(machine: Caller) -> None:
    """Run the functions and methods that make models and are never called."""
    words = {id(f): _words(f.node) for f in machine.functions}
    makers = {f.name for f in machine.functions if words[id(f)] & _MAKERS}
    for _ in range(3):
        makers |= {f.name for f in machine.functions if words[id(f)] & makers}
    waiting = [f for f in machine.functions if not f.calls and f.name in makers]
    named: dict[str, int] = {}
    for function in waiting:
        for word in words[id(function)] & {f.name for f in waiting} - {function.name}:
            named[word] = named.get(word, 0) + 1
    waiting.sort(key=lambda f: named.get(f.name, 0))
    machine.alone = True
    for function in waiting:
        if not function.calls:
            machine.limit = machine.steps + bounds.CODE_UNCALLED_STEPS
            try:
                _run_alone(machine, function)
            except BoundError as error:
                machine.stop(str(error), function.node)
                machine.depth = 0
                machine.trail.clear()
    machine.alone = False


def _run_alone(machine: Caller, function: Function) -> None:
    owner = function.owner
    args = Arguments()
    machine.scope = Scope({}, function.scope.module)
    node = function.node
    if owner is None:
        machine.call_function(function, args, node)
        return
    kind = kind_of(owner)
    if kind == "layer" or (function.name.startswith("__") and function.name != "__init__"):
        return
    if owner.made == 0:
        made = machine.make(owner, Arguments(), node)
        machine.put(owner.names, " an object", made)
        if function.calls or (kind in ("model", "sequential") and function.name == "call"):
            return
    made = owner.names.get(" an object")
    if made is None:
        return
    instance = made.instance if isinstance(made, KerasModel) else made
    if isinstance(instance, Instance):
        machine.call_function(function, args, node, instance)


def read_unread(machine: Caller) -> None:
    """Follow the subclassed models that nothing calls."""
    for model in list(machine.models):
        if model.kind == "subclass" and not model.code.inputs and model.instance is not None:
            call = model.instance.cls.find("call")
            if not isinstance(call, Function) or call.calls:
                continue
            machine.scope = Scope({}, call.scope.module)
            read_subclass(machine, model, machine.unknown(PARAMETER, call.node, "inputs"), call.node)
