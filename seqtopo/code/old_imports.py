"""Find imports of modules and names that Keras 3 has elsewhere, or does not have (ST801, ST802, ST809)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from seqtopo.code.keras_names import ROW_OF, is_layer_class
from seqtopo.code.old_names import OldText, now, of_keras, package_of
from seqtopo.code.parsing import begins_line, indent
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.layers.old_programs import (
    ALIASES,
    GONE,
    HOMES,
    IN_TENSORFLOW,
    LOSSES,
    MODULES,
    MOVED,
    SHORT,
)
from seqtopo.layers.old_spellings import OBJECTS, RENAMED_CLASSES, WITHOUT_SUCCESSOR
from seqtopo.source import Span


class Home(NamedTuple):
    """The place of a name in Keras 3: its module and its name there."""

    module: str
    name: str


def import_findings(text: OldText) -> Iterator[Diagnostic]:
    """Yield the imports of a text, and the modules of its dotted names, that Keras 3 changed."""
    for node in text.nodes:
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from _from(text, node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _plain(text, node, alias)
        elif isinstance(node, ast.Attribute) and not isinstance(text.parents.get(node), ast.Attribute):
            yield from _dotted(text, node)


# ---- from module import names --------------------------------------------------------------------------


def _from(text: OldText, node: ast.ImportFrom) -> Iterator[Diagnostic]:
    module = node.module or ""
    ours = of_keras(module)
    if not ours and not any(of_keras(f"{module}.{alias.name}") for alias in node.names):
        return
    package = package_of(module)
    homes = [_home(module, alias.name, package) for alias in node.names]
    for i, alias in enumerate(node.names):
        path = of_keras(f"{module}.{alias.name}") if alias.name != "*" else ours
        why = _advice(path, package)
        if why:
            yield _is_gone(text, alias, path, why, _left_out(text, node, i))
    if homes:
        yield from _moved(text, node, homes)
    if ours:
        for i, alias in enumerate(node.names):
            yield from _unused(text, node, i, alias)


def _advice(path: str, package: str) -> str:
    """Return the advice for a name that Keras 3 does not have; "" for one that it has."""
    if package == "tensorflow.keras" and path.startswith("keras.preprocessing."):
        return ""
    if path in GONE:
        return GONE[path]
    last = path.rsplit(".", 1)[-1]
    is_layer = path.startswith(("keras.layers.", "keras.legacy.layers.")) and last not in ROW_OF
    return WITHOUT_SUCCESSOR.get(last, "") if is_layer and last != "Merge" else ""


def _home(module: str, name: str, package: str) -> Home:
    """Return the module and name that Keras 3 has for a name of a module; the same where nothing changed."""
    ours = of_keras(module)
    path = of_keras(f"{module}.{name}")

    def under(path: str) -> str:
        return package + path.removeprefix("keras")

    renamed = _object(ours, name)
    if path in MOVED and MOVED[path][0]:
        return Home(under(MOVED[path][0]), MOVED[path][1])
    if path in MODULES and name != "*" and _is_old(path, package):
        # A whole module: its new name as the old one.
        above, _, last = under(MODULES[path]).rpartition(".")
        return Home(above, last)
    if ours in MODULES and _is_old(ours, package):
        if name != "*":
            if ours.startswith(("keras.engine", "keras.models", "keras.utils", "keras.preprocessing")) or (
                name in HOMES and not is_layer_class(name)
            ):
                to = HOMES.get(name)
                if to is not None:
                    return Home(under(to[0]), to[1])
            if renamed:
                return Home(under(MODULES[ours]), renamed)
        return Home(under(MODULES[ours]), name)
    if not ours:
        # ``from tensorflow.python import keras``
        above, _, last = (now(f"{module}.{name}") or f"{module}.{name}").rpartition(".")
        return Home(above, last)
    return Home(now(module) or module, renamed or name)


def _is_old(path: str, package: str) -> bool:
    return not (package == "tensorflow.keras" and path.startswith(IN_TENSORFLOW))


def _object(module: str, name: str) -> str:
    """Return the present name of an optimizer, a loss, a regularizer, a constraint or an initializer."""
    room = MODULES.get(module, module).removeprefix("keras.").split(".")[0]
    if room == "optimizers":
        return SHORT.get(name, "")
    if room in ("losses", "metrics"):
        return LOSSES.get(name, "")
    return OBJECTS.get(name, "") if room in ("regularizers", "constraints", "initializers") else ""


def _moved(text: OldText, node: ast.ImportFrom, homes: list[Home]) -> Iterator[Diagnostic]:
    """Find an import whose names Keras 3 all has, here or elsewhere."""
    module = node.module or ""
    modules = dict.fromkeys(home.module for home in homes)
    edits: list[Edit] = []
    for alias, home in zip(node.names, homes, strict=True):
        if alias.name != home.name:
            at = text.span(alias)
            name = alias.asname or alias.name
            new = home.name if home.name == name else f"{home.name} as {name}"
            edits.append(Edit(at, new))
            if list(modules) == [module]:
                fix = Fix(f"import {new}", (edits[-1],), safe=True)
                yield text.at(at).finding("ST807", f"Keras 3 calls {alias.name} {home.name}", fix=fix)
    if list(modules) == [module]:
        return
    place = _module_at(text, node)
    if place is None:
        return
    if len(modules) > 1:
        yield from _split(text, node, homes)
        return
    (new_module,) = modules
    edits.append(Edit(place, new_module))
    old, at = now(module) and module, place
    for alias in node.names:
        path = f"{module}.{alias.name}"
        if of_keras(path) in MODULES and of_keras(module) not in MODULES:
            old, at = path, text.span(alias)
    fix = Fix(f"import from {new_module}", tuple(edits), safe=True)
    yield text.at(at).finding("ST801", f"Keras 3 has no module {old or module}", fix=fix)


def _split(text: OldText, node: ast.ImportFrom, homes: list[Home]) -> Iterator[Diagnostic]:
    """Find an import whose names are in several modules now; the fix writes one statement for each."""
    module, place = node.module or "", _module_at(text, node)
    span = text.span(node)
    if place is None:
        return
    by_module: dict[str, list[str]] = {}
    for alias, home in zip(node.names, homes, strict=True):
        local = alias.asname or alias.name
        written = home.name if home.name == local else f"{home.name} as {local}"
        by_module.setdefault(home.module, []).append(written)
    joint = text.line_break(span.start)
    lines = joint.join(f"from {m} import {', '.join(names)}" for m, names in by_module.items())
    title = "import each name from where it is"
    sure = "#" not in text.of(span) and begins_line(text.text, span.start)
    fix = Fix(title, (Edit(span, lines),), safe=True) if sure else None
    message = f"Keras 3 has the names of {module} in {' and '.join(m for m in by_module if m != module)}"
    yield text.at(place).finding("ST801", message, by_hand=title, fix=fix)


def _module_at(text: OldText, node: ast.ImportFrom) -> Span | None:
    """Return the span of the module's name in an import; None if more than blanks stand before it."""
    start = text.span(node).start
    found = re.compile(r"from[ \t]+").match(text.text, start)
    if found is None or not text.text.startswith(node.module or "", found.end()):
        return None
    return Span(found.end(), found.end() + len(node.module or ""))


def _unused(text: OldText, node: ast.ImportFrom, i: int, alias: ast.alias) -> Iterator[Diagnostic]:
    """Find the import of an old layer that nothing uses."""
    name = alias.asname or alias.name
    new = RENAMED_CLASSES.get(alias.name, "")
    ours = of_keras(node.module or "")
    is_merge = alias.name in ("merge", "Merge") and ours.startswith(
        ("keras.layers", "keras.engine", "keras.legacy")
    )
    if (not new or alias.name in ALIASES or not ours.startswith("keras.layers")) and not is_merge:
        return
    if text.loads[name] or (not new and len(node.names) < 2):
        return
    spans = [text.span(a) for a in node.names]
    if not new or (new in text.bindings and len(spans) > 1):
        edits, title = tuple(text.without(spans, {i})), "leave it out"
    else:
        at = Span(spans[i].start, spans[i].start + len(alias.name))
        edits, title = (Edit(at, new),), f"import {new}"
    message = f"Keras 3 has no {alias.name}" if not new else f"Keras 3 calls {alias.name} {new}"
    yield text.at(spans[i]).finding(
        "ST802", message, label="nothing uses it", fix=Fix(title, edits, safe=True)
    )


def _left_out(text: OldText, node: ast.ImportFrom, i: int) -> Fix | None:
    """Return the fix that leaves out a name that nothing uses; None if something does, or may."""
    alias, at = node.names[i], text.span(node)
    if text.loads[alias.asname or alias.name] or alias.name == "*":
        return None
    if len(node.names) == 1:
        end = text.text.find("\n", at.end)
        is_alone = begins_line(text.text, at.start) and end >= 0 and not text.text[at.end : end].strip()
        if not is_alone or node not in text.code.statements or indent(text.text, at.start):
            return None
        edits = [Edit(Span(at.start, end + 1), "")]
    else:
        edits = text.without([text.span(a) for a in node.names], {i})
    return Fix("leave it out: nothing uses it", tuple(edits), safe=True)


def _is_gone(text: OldText, at: Span | ast.AST, path: str, why: str, fix: Fix | None = None) -> Diagnostic:
    message = f"Keras 3 has no {path.rsplit('.', 1)[-1]}"
    return text.at(at).finding("ST809", message, label="is gone", by_hand=f"what there is: {why}", fix=fix)


# ---- import module, and dotted names -------------------------------------------------------------------


def _plain(text: OldText, node: ast.Import, alias: ast.alias) -> Iterator[Diagnostic]:
    """Find ``import tensorflow.python.keras as keras``."""
    ours, package = of_keras(alias.name), package_of(alias.name)
    if not ours:
        return
    why = GONE.get(ours, "") if package == "keras" or not ours.startswith("keras.preprocessing") else ""
    if why:
        yield _is_gone(text, alias, ours, why)
        return
    new = MODULES[ours] if ours in MODULES and _is_old(ours, package) else ours
    new = package + new.removeprefix("keras")
    if new == alias.name:
        return
    at = text.span(alias)
    place = Span(at.start, at.start + len(alias.name))
    edit = new if alias.asname is not None else f"{new} as {alias.name}"
    sure = alias.asname is not None or "." not in alias.name
    yield text.at(place).finding(
        "ST801",
        f"Keras 3 has no module {alias.name}" if "." in alias.name else f"{alias.name} is {new} now",
        by_hand=f"import {new}, and write it where {alias.name} is used",
        fix=Fix(f"import {edit}", (Edit(place, edit),), safe=True) if sure else None,
    )


def _dotted(text: OldText, node: ast.Attribute) -> Iterator[Diagnostic]:
    """Find a dotted name with an old module in it, such as ``keras.layers.core.Dense``."""
    path = text.path(node)
    ours = of_keras(path)
    if not ours:
        return
    package, root = package_of(path), _root(text, node)
    why = _advice(ours, package)
    if why and not isinstance(text.parents.get(node), ast.Call):
        yield _is_gone(text, text.last_name(node), ours, why)
        return
    module, _, name = path.rpartition(".")
    if ours.startswith("keras.backend."):
        return
    home = _home(module, name, package)
    new = f"{home.module}.{home.name}"
    if new == path or not (now(path) or of_keras(module) in MODULES or home.name != name):
        return
    is_module_old = now(path) or of_keras(module) in MODULES
    if is_module_old and root and of_keras(root) in MODULES:
        return  # the import says it
    fix: Fix | None = None
    if root and new.startswith(root + "."):
        written = text.of(text.span(node)).partition(".")[0] + new.removeprefix(root)
        fix = Fix(f"write {written}", (Edit(text.span(node), written),), True)
    code, message = "ST807", f"Keras 3 calls {name} {home.name}"
    if is_module_old:
        code, message = "ST801", f"Keras 3 has {name} in {home.module}"
    yield text.at(node).finding(code, message, by_hand=f"write {new}", fix=fix)


def _root(text: OldText, node: ast.expr) -> str:
    """Return the dotted name that the first name of an expression means."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return text.path(node)
