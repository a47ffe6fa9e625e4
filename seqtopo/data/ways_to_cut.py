"""Refuse what does not fit where a series is cut for a spec, with fixes that were tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NoReturn

from seqtopo.data.series import Targets
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic, Fix
from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.labels.fixes import Wanted, drafts
from seqtopo.labels.main_path import MainPath
from seqtopo.layers.sizes import Size
from seqtopo.report.analyse import Checked, analyse
from seqtopo.syntax import tree
from seqtopo.syntax.rewrite import declared, edit, number, with_argument, word


@dataclass(frozen=True)
class Asked:
    """The arguments of ``for_spec`` beside the spec; None where the spec says it."""

    steps: int | None = None
    horizon: int | None = None
    stride: int = 1
    batch_size: int | None = None
    shuffle: bool = False
    answers: Any = None
    targets: Targets = None
    remainder: Any = None
    seed: int = 0
    loss: str | None = None
    by: str | None = None


Way = tuple[str, Asked]
"""A way out: what to write, and what is asked for then."""

OTHERWISE = "cut the samples yourself, as with seqtopo.data.windows in Python, and give x and y to fit"
"""The way out where no other works."""
MOST_FIXES, MOST_DRAFTS = 2, 8
"""So many fixes are shown, of so many that are tried at most."""


@dataclass(frozen=True)
class Place:
    """A spec that was read, its input, and the series that is cut for it: to refuse what does not fit, with
    the ways out that were tried.
    """

    checked: Checked
    node: Node
    asked: Asked = Asked()
    dims: Mapping[str, Any] | None = None
    cut: Callable[[Checked, Asked], object] | None = None
    """What cuts the series, and raises SpecError where it cannot; None where no way out is tried."""

    @property
    def graph(self) -> Graph:
        """The graph of the spec."""
        assert self.checked.resolved is not None
        return self.checked.resolved.graph

    @property
    def steps(self) -> Size:
        """How many steps the input takes."""
        assert self.node.outputs is not None
        return self.node.outputs[0].shape[0]

    def refuse(
        self,
        message: str,
        ways: Iterable[Way] = (),
        fixes: Iterable[Fix | None] = (),
        *,
        help: str = OTHERWISE,
        label: str = "",
        node: Node | None = None,
    ) -> NoReturn:
        """Raises SpecError (ST727) at the input, or another node, with those ways and fixes that work; with
        ``help`` where none does.
        """
        words, kept, drafted = self._that_work(ways, fixes)
        if not words and not kept:
            # Where two things are wrong at once, both have to go.
            for names in (("horizon",), ("answers",), ("answers", "horizon")):
                there: dict[str, Any] = {
                    name: None for name in names if getattr(self.asked, name) is not None
                }
                kept = self._mending(drafted, replace(self.asked, **there)) if there else ()
                if kept:
                    words = [f"and leave out {' and '.join(there)}"]
                    break
        advice = "; or ".join(words) or ("" if kept and help == OTHERWISE else help)
        found = Diagnostic(
            "ST727",
            message,
            (node or self.node).span,
            label=label,
            help=advice,
            fixes=kept,
            source=self.checked.source,
        )
        raise SpecError((found,))

    def advise(
        self, found: Diagnostic, ways: Iterable[Way], fixes: Iterable[Fix | None], *, last: str
    ) -> NoReturn:
        """Raises SpecError with what was found where the series was cut, at the input, and with those ways
        and fixes that work; ``last`` is what always does.
        """
        words, kept, _ = self._that_work(ways, fixes)
        found = replace(
            found,
            span=self.node.span,
            label=f"takes {self.steps} steps",
            help="; or ".join((*words, last)),
            fixes=kept,
            source=self.checked.source,
        )
        raise SpecError((found,))

    def _that_work(
        self, ways: Iterable[Way], fixes: Iterable[Fix | None]
    ) -> tuple[list[str], tuple[Fix, ...], list[Fix]]:
        """The words of the ways, and the fixes, with which the series can be cut; and all fixes tried."""
        if self.cut is None:
            return [], (), []
        words = [words for words, asked in ways if self.works(asked)]
        drafted = [fix for fix in islice(fixes, MOST_DRAFTS) if fix is not None]
        return words, self._mending(drafted, self.asked), drafted

    def _mending(self, fixes: Iterable[Fix], asked: Asked) -> tuple[Fix, ...]:
        """The first few fixes with which the series can be cut, none of which only adds to another."""
        kept: list[Fix] = []
        for fix in fixes:
            if len(kept) == MOST_FIXES or any(set(fix.edits) > set(good.edits) for good in kept):
                continue
            checked = analyse(fix.apply(self.checked.source.text), self.dims or {})
            # A fix may add to an edit of another one, in its place.
            longer = any(fix.title.startswith(f"{good.title}, and ") for good in kept)
            if not longer and self.works(asked, checked):
                kept.append(fix)
        return tuple(kept)

    def repairs(self, fix: Fix | None) -> bool:
        """Return whether the series can be cut as the spec with a fix wants it."""
        return fix is not None and bool(self._mending([fix], self.asked))

    def works(self, asked: Asked, checked: Checked | None = None) -> bool:
        """Return whether the series can be cut so, as another spec wants it or as this one does."""
        assert self.cut is not None
        try:
            self.cut(checked or self.checked, asked)
        except SpecError:
            return False
        return True

    def declare(self, *sizes: Size | None, batch: int | None = None, behind: str = "") -> Fix | None:
        """Return the input with other sizes (None: a symbol for any), another batch, or a step behind it."""
        assert self.checked.resolved is not None
        expr = self.checked.resolved.written.of(self.node)
        if not isinstance(expr, tree.Call) or not all(isinstance(size, int | None) for size in sizes):
            return None
        changed: tree.Expr = expr
        if sizes:
            written = [number(size) if isinstance(size, int) else word("T") for size in sizes]
            changed = declared(expr, written)
        if batch is not None:
            changed = with_argument(changed, -1, ("batch",), number(batch))
        made = edit(expr.span, changed)
        text = f"{made.text} -> {behind}" if behind else made.text
        return Fix(f"declare {text}", (replace(made, text=text),))

    def drafts(self, output: Value, shape: tuple[Size, ...]) -> Iterable[Fix]:
        """Ways to make an output of another shape."""
        assert self.checked.resolved is not None
        return drafts(MainPath(self.graph, output), Wanted(shape), self.checked.resolved.written)
