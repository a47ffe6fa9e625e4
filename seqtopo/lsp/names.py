"""Follow and rename the names of a spec: where each is bound, and where it is used."""

from __future__ import annotations

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.references import Use, uses
from seqtopo.layers import registry
from seqtopo.lsp.documents import Document, Place
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse, tokenize


def use_at(document: Document, offset: int) -> tuple[Use | None, list[Use]]:
    """Return the name at an offset, and all uses of the spec; none where it has no tree."""
    spec = document.spec
    if spec is None or spec.reading.spec is None:
        return None, []
    every = uses(spec.reading.spec)
    return next((use for use in every if use.name.span.start <= offset <= use.name.span.end), None), every


def same(use: Use, every: list[Use]) -> list[Use]:
    """Return the uses of the same name: of one binding, or of one symbol that nothing binds."""
    if use.bound is None:
        return [one for one in every if one.bound is None and one.name.name == use.name.name]
    at = use.bound.name.span
    return [one for one in every if one.bound is not None and one.bound.name.span == at]


def definition(document: Document, position: types.Position) -> types.Location | None:
    """Return the place where the name at a place is bound; for a symbol, its first place."""
    use, every = use_at(document, document.text.offset(position))
    if use is None:
        return None
    name = use.bound.name if use.bound is not None else same(use, every)[0].name
    return Place(document, name.span).location


def references(document: Document, position: types.Position, declaration: bool) -> list[types.Location]:
    """Return the places that use the name at a place, with ``declaration`` also the one that binds it."""
    use, every = use_at(document, document.text.offset(position))
    found = same(use, every) if use is not None else []
    return [Place(document, u.name.span).location for u in found if declaration or not u.is_definition]


def highlights(document: Document, position: types.Position) -> list[types.DocumentHighlight]:
    """Return the uses of the name at a place, to be marked."""
    use, every = use_at(document, document.text.offset(position))
    kind = types.DocumentHighlightKind
    return [
        types.DocumentHighlight(
            document.text.range(u.name.span), kind.Write if u.is_definition else kind.Read
        )
        for u in (same(use, every) if use is not None else ())
    ]


def renameable(document: Document, position: types.Position) -> types.Range | None:
    """Return the name at a place, if it is one that can be renamed."""
    use, _ = use_at(document, document.text.offset(position))
    return document.text.range(use.name.span) if use is not None else None


def rename(document: Document, position: types.Position, name: str) -> types.WorkspaceEdit | None:
    """Return the edits that give a name another one, everywhere.

    Raises:
        JsonRpcException: the new name cannot stand there, or would mean something else; says why.
    """
    use, every = use_at(document, document.text.offset(position))
    if use is None or document.spec is None:
        return None
    if document.spec.reading.diagnostics:
        raise refused("a part of this spec cannot be read, and may use the name: mend that first")
    old = use.name.name
    if name == old:
        return types.WorkspaceEdit(changes={})
    wrong = _why_unfit(name, use.name)
    if wrong:
        raise refused(wrong)
    places = [one.name.span for one in same(use, every)]
    text = document.spec.source.text
    after = Fix("", tuple(Edit(span, name) for span in places)).apply(text)
    if not _means_the_same(every, after, places, len(name) - len(old)):
        raise refused(f"{name} has another meaning in this spec: choose another name")
    edits = document.text.edits([Edit(span, name) for span in places])
    return types.WorkspaceEdit(changes={document.uri: edits})


def refused(why: str) -> JsonRpcException:
    """Return the answer that says why a request cannot be met."""
    return JsonRpcInvalidParams(why)


def _why_unfit(name: str, old: tree.Name) -> str:
    """Return the reason why a text cannot be the new name; "" if it can."""
    if [token.type for token in tokenize(name)] != ["NAME"]:
        return f"{name} is no name: write letters, digits and _, a letter first"
    if old.is_symbol != tree.Name(old.span, name).is_symbol:
        case = "an upper-case" if old.is_symbol else "a lower-case"
        return f"{old.name} is a name that begins with {case} letter, and so must {name} be"
    taken = registry.taken(name)
    return f"{name} is {taken} already: choose another name" if taken else ""


def _means_the_same(before: list[Use], text: str, places: list[Span], longer: int) -> bool:
    """Return whether every name of a changed text means what it did before."""
    spec, _ = parse(Source(text))

    def moved(span: Span) -> int:
        return span.start + longer * sum(place.start < span.start for place in places)

    def meant(use: Use, renamed: bool) -> tuple[int, int]:
        start = moved if renamed else (lambda span: span.start)
        return start(use.name.span), start(use.bound.name.span) if use.bound is not None else -1

    after = uses(spec) if spec is not None else []
    return {meant(use, True) for use in before} == {meant(use, False) for use in after}
