"""Sizes in lower case, as tutorials write them: ``in(timesteps,data_dim) -> lstm(hidden)``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.problem import Problem
from seqtopo.layers.objects import FAMILIES, entry_of
from seqtopo.layers.registry import has_meaning
from seqtopo.layers.values import DTYPES
from seqtopo.source import Span
from seqtopo.syntax import tree


class LowerCaseSize(Problem):
    """Some words stand where sizes do; the fix, for all of a spec's at once, is made when all are known."""

    def __init__(self, code: str, words: tuple[str, ...], span: Span) -> None:
        shown = ", ".join(words)
        super().__init__(
            code,
            f"{shown} {'is no size' if len(words) == 1 else 'are no sizes'}: "
            "names of sizes begin with an upper-case letter",
            span,
            label="in lower case",
            help="write a number, or a name such as " + upper(words[0]),
        )
        self.words = words


def means_something(word: str) -> bool:
    """Whether a word is one of the language or of Keras, and so no size that somebody named."""
    known = has_meaning(word) or word in DTYPES
    return known or any(entry_of(family, word) is not None for family in FAMILIES)


def upper(word: str) -> str:
    """A word as a size is written.

    >>> upper("data_dim")
    'Data_dim'
    """
    return word[:1].upper() + word[1:]


def renamed(spec: tree.Spec, words: Iterable[str]) -> Fix:
    """The fix that writes words of a spec as sizes, wherever they stand."""
    taken = {node.name for node in tree.every(spec) if isinstance(node, tree.Name)}
    new: dict[str, str] = {}
    for word in sorted(words):
        free = (upper(word), word.upper(), *(f"{upper(word)}{i}" for i in range(1, 100)))
        new[word] = next(name for name in free if name not in taken)
        taken.add(new[word])
    fixed = {id(name) for node in tree.every(spec) for name in _no_sizes(node)}
    found = [n for n in tree.every(spec) if isinstance(n, tree.Name) and n.name in new and id(n) not in fixed]
    edits = {n.span: Edit(n.span, new[n.name]) for n in found}
    used = dict.fromkeys(new[n.name] for n in found)
    return Fix(f"write {', '.join(used)}", tuple(edits.values()))


def _no_sizes(node: tree.Node) -> Iterator[tree.Name]:
    """The names in a node that call something, bind something, or say which argument is given."""
    match node:
        case tree.Call() | tree.As() | tree.Bind() | tree.Def() | tree.Binding() | tree.Parameter():
            yield node.name
        case tree.Argument(name=tree.Name() as name):
            yield name
        case tree.For() | tree.Loop():
            yield from node.targets
        case tree.Attribute():
            yield node.base
            yield from node.names
