"""Refuse a series that does not fit a spec, with fixes that were tried."""

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
class CutOptions:
    """The arguments of ``for_spec`` besides the spec; None if the spec determines one."""

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


Way = tuple[str, CutOptions]
"""A way out: advice in words, and the arguments with it followed."""

OTHERWISE = "cut the samples yourself, as with seqtopo.data.windows in Python, and give x and y to fit"
"""The advice if nothing else works."""
MOST_FIXES, MOST_DRAFTS = 2, 8
"""The most fixes that are shown, and the most that are tried."""


@dataclass(frozen=True)
class SpecInput:
    """A spec, its input, and the series that is cut for it; refuses what does not fit, with ways out."""

    checked: Checked
    node: Node
    asked: CutOptions = CutOptions()
    dims: Mapping[str, Any] | None = None
    cut: Callable[[Checked, CutOptions], object] | None = None
    """The function that cuts the series or raises SpecError; None if no way out is tried."""

    @property
    def graph(self) -> Graph:
        """The graph of the spec."""
        assert self.checked.resolved is not None
        return self.checked.resolved.graph

    @property
    def steps(self) -> Size:
        """The number of steps that the input takes."""
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
        """Refuse at the input, or at ``node``, with the ways and fixes that work, or with ``help``.

        Raises:
            SpecError: ST727.
        """
        words, kept, drafted = self._working(ways, fixes)
        if not words and not kept:
            # If two arguments are wrong at once, both have to be dropped.
            for names in (("horizon",), ("answers",), ("answers", "horizon")):
                there: dict[str, Any] = {
                    name: None for name in names if getattr(self.asked, name) is not None
                }
                kept = self._working_fixes(drafted, replace(self.asked, **there)) if there else ()
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
        """Refuse with a diagnostic at the input, with those ways and fixes that work and with ``last``.

        Raises:
            SpecError: always.
        """
        words, kept, _ = self._working(ways, fixes)
        found = replace(
            found,
            span=self.node.span,
            label=f"takes {self.steps} steps",
            help="; or ".join((*words, last)),
            fixes=kept,
            source=self.checked.source,
        )
        raise SpecError((found,))

    def _working(
        self, ways: Iterable[Way], fixes: Iterable[Fix | None]
    ) -> tuple[list[str], tuple[Fix, ...], list[Fix]]:
        """Return the words of the ways and the fixes that let the series be cut, and all fixes tried."""
        if self.cut is None:
            return [], (), []
        words = [words for words, asked in ways if self.works(asked)]
        drafted = [fix for fix in islice(fixes, MOST_DRAFTS) if fix is not None]
        return words, self._working_fixes(drafted, self.asked), drafted

    def _working_fixes(self, fixes: Iterable[Fix], asked: CutOptions) -> tuple[Fix, ...]:
        """Return the first fixes with which the series can be cut, none of which only adds to another one."""
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
        """Return whether the series can be cut for the spec with a fix."""
        return fix is not None and bool(self._working_fixes([fix], self.asked))

    def works(self, asked: CutOptions, checked: Checked | None = None) -> bool:
        """Return whether the series can be cut with these arguments, for another spec or for this one."""
        assert self.cut is not None
        try:
            self.cut(checked or self.checked, asked)
        except SpecError:
            return False
        return True

    def declare(self, *sizes: Size | None, batch: int | None = None, behind: str = "") -> Fix | None:
        """Return the fix that gives the input other sizes (None: any), another batch, or a next step."""
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
        """Return fixes that give an output another shape."""
        assert self.checked.resolved is not None
        return drafts(MainPath(self.graph, output), Wanted(shape), self.checked.resolved.written)
