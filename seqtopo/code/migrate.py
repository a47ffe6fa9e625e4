"""Find names in code for Keras 0.3 to 2 that Keras 3 has changed (ST8), and fix them.

Names are told by the imports of the text, so that what never runs is migrated, too. What was read of the
models says where their first layers are. A fix is safe only if the models of the fixed text are the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from seqtopo.code.model import CodeFile
from seqtopo.code.old_calls import layer_findings, reference_findings
from seqtopo.code.old_imports import import_findings
from seqtopo.code.old_names import OldText, of_keras
from seqtopo.code.old_shapes import firsts_of, shape_findings
from seqtopo.code.old_training import (
    backend_findings,
    key_findings,
    known_of,
    method_findings,
    model_findings,
    object_findings,
    utility_findings,
)
from seqtopo.diag.model import Diagnostic

PREFIX = "ST8"
"""The beginning of the codes of old spellings."""


def old_findings(code: CodeFile, on: frozenset[str]) -> list[Diagnostic]:
    """Return findings about spellings of earlier versions of Keras, for the codes that are ``on``."""
    if not any(one.startswith(PREFIX) for one in on):
        return []
    text = OldText(code)
    found = [one for one in _found(text) if one.code in on]
    return sorted(dict.fromkeys(found), key=lambda one: (one.span, one.code))


def _found(text: OldText) -> Iterator[Diagnostic]:
    firsts, known = firsts_of(text.code.models), known_of(text, text.code)
    yield from import_findings(text)
    for node in text.nodes:
        if isinstance(node, ast.Attribute):
            yield from backend_findings(text, node)
        if isinstance(node, (ast.Name, ast.Attribute)):
            around = text.parents.get(node)
            if not (isinstance(around, ast.Call) and around.func is node):
                yield from reference_findings(text, node, text.meaning(node))
        elif isinstance(node, ast.Constant):
            yield from key_findings(text, node, known)
        elif isinstance(node, ast.Call):
            meaning = text.meaning(node.func)
            if meaning.kind in ("layer", "merge"):
                yield from layer_findings(text, node, meaning)
                yield from shape_findings(text, node, meaning, firsts)
            elif meaning.kind in ("model", "input"):
                yield from model_findings(text, node, meaning)
            elif meaning.kind == "object":
                yield from object_findings(text, node, meaning, known)
            elif meaning.kind == "other":
                yield from method_findings(text, node, known)
                if path := of_keras(text.path(node.func)):
                    yield from utility_findings(text, node, path)
