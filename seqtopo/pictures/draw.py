"""Draw a spec as a picture, to save, to print, or to see in a notebook (``seqtopo.draw``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.graph import scope
from seqtopo.graph.graph import Graph
from seqtopo.graph.kind import kind, meaning
from seqtopo.layers.sizes import fits, show_shape
from seqtopo.layers.values import FLOATS, Tensor
from seqtopo.pictures.arrange import arrange
from seqtopo.pictures.cells import cell_of
from seqtopo.pictures.folding import loops_of
from seqtopo.pictures.framing import part_of, stretches_of
from seqtopo.pictures.marking import count_params, mark, mark_sources
from seqtopo.pictures.mermaid import mermaid
from seqtopo.pictures.pdf import pdf
from seqtopo.pictures.plan import Block, Feedback, Plan, plan_of
from seqtopo.pictures.png import LARGEST, png
from seqtopo.pictures.scene import CELLS, PIXELS, Metrics, Scene
from seqtopo.pictures.steps import Steps
from seqtopo.pictures.svg import svg
from seqtopo.pictures.text import listing, text
from seqtopo.pictures.tiers import Unrolled
from seqtopo.pictures.tikz import tikz
from seqtopo.pictures.unrolled import unroll
from seqtopo.report.analyse import Checked, Text, analyse
from seqtopo.source import Source, Span
from seqtopo.system import packages

TURNED = replace(PIXELS, turned=True)
Direction = Literal["down", "right"]
DIRECTIONS: tuple[Direction, ...] = ("down", "right")
Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")

FORMATS = (".svg", ".png", ".pdf", ".tex", ".mmd", ".md", ".txt")
"""The suffixes that a picture can be saved with."""

LEAST_PIXELS, MOST_PIXELS = 50, 20_000
UNROLLED = (
    "unrolled, the steps go to the right, and a layer has many boxes: direction, params and highlight are "
    "for the graph of layers"
)
OF_CELLS = "a cell is drawn alone: leave out unrolled, part, loop, feedback, params and highlight"
MOST_BLOCKS = 400
"""The maximum number of boxes in a picture; with more of them nobody can read it."""


@dataclass(frozen=True)
class Drawing:
    """A picture of a spec: the graph of its layers, or its steps side by side.

    Notebooks show it as an image. ``svg()``, ``png()``, ``pdf()``, ``tikz()``, ``text()`` and ``mermaid()``
    return it in one format each, and ``save`` writes a file in the format of its suffix.

    >>> picture = draw("in(T,8) -> lstm(64) -> dense(1)")
    >>> picture.svg()[:5], picture.mermaid().splitlines()[0]
    ('<svg ', 'flowchart TD')
    """

    title: str
    about: str
    plan: Plan
    unrolled: Unrolled | None = None
    theme: Theme = "auto"
    direction: Direction | None = None
    """The direction of data; None is down, or with ``paper`` the direction that fills the page better."""
    paper: Paper | None = None
    sources: bool = False
    """True if the sources of the last outputs of an unrolled spec are to stand out."""
    _scenes: dict[Metrics, Scene] = field(default_factory=dict, compare=False, repr=False)

    def _scene(self, metrics: Metrics) -> Scene:
        found = self._scenes.get(metrics)
        if found is None:
            if self.unrolled is not None:
                found = Steps(self.unrolled, metrics).scene(self.title, self.about)
                if self.sources and not metrics.cells:
                    mark_sources(found)
            else:
                found = arrange(self.plan, metrics, self.title, self.about)
            self._scenes[metrics] = found
        return found

    @cached_property
    def scene(self) -> Scene:
        """The boxes, lines and texts of the picture at their places, in pixels."""
        if self.paper is None:
            return self._scene(TURNED if self.direction == "right" else PIXELS)
        w, h = self.paper.w, self.paper.h
        ways = [PIXELS, TURNED] if self.unrolled is None else [PIXELS]
        if self.direction is not None:
            ways = [TURNED if self.direction == "right" else PIXELS]
        return min((self._scene(way).on_paper(w, h) for way in ways), key=lambda scene: scene.w)

    @property
    def _goes(self) -> Direction:
        """The direction of data in a graph for Markdown."""
        return self.direction or "down"

    def svg(self, theme: Theme | None = None) -> str:
        """Return the picture as SVG.

        ``theme`` is ``light``, ``dark``, or ``auto``, which follows the setting of the reader's screen.
        """
        return svg(self.scene, theme or self.theme, self._pixels)

    def png(self, scale: float = 2.0, theme: Theme | None = None) -> bytes:
        """Return the bytes of a PNG file, ``scale`` times as large as the SVG.

        Raises:
            SpecError: Pillow is not installed; the extra ``draw`` brings it, and the message says how.
        """
        try:
            dark = (theme or self.theme) == "dark"
            return png(self.scene, scale=scale, dark=dark, pixels=self._pixels)
        except ImportError:
            raise SpecError((_no_pillow(),)) from None

    def pdf(self, theme: Theme | None = None) -> bytes:
        """Return the bytes of a PDF file of one page, with lines and letters that stay sharp."""
        return pdf(self.scene, dark=(theme or self.theme) == "dark", pixels=self._pixels)

    def tikz(self, theme: Theme | None = None) -> str:
        """Return the picture as a LaTeX document of its own, drawn by TikZ."""
        return tikz(self.scene, dark=(theme or self.theme) == "dark", pixels=self._pixels)

    @property
    def _pixels(self) -> tuple[int, int] | None:
        """The requested width and height in pixels; None if none are."""
        return self.paper[:2] if self.paper is not None and self.paper.exact else None

    def text(self, width: int | None = None, *, ascii: bool = False) -> str:
        """Return the picture in characters, for a terminal of ``width`` columns.

        Where the terminal is too narrow, it is a list of the boxes in words. ``ascii`` uses no box-drawing
        characters.
        """
        scene = self._scene(CELLS)
        if width is not None and scene.w > width and self.unrolled is not None:
            scene = Steps(self.unrolled, CELLS, narrow=True).scene()
        if width is None or scene.w <= width:
            return text(scene, ascii=ascii)
        note = f"The picture takes {scene.w} columns, but there are only {width}. In words:"
        return f"{note}\n\n{listing(self.plan, ascii=ascii)}"

    def mermaid(self) -> str:
        """Return the graph as a Mermaid flowchart, for Markdown."""
        return mermaid(self.plan, self._goes)

    def save(self, path: str | Path, *, scale: float = 2.0) -> Path:
        """Write the picture to a file, and return the path.

        The suffix decides the format: ``.svg``, ``.png``, ``.pdf``, ``.tex`` (TikZ), ``.mmd`` or ``.md``
        (Mermaid), or ``.txt``.

        Raises:
            ValueError: the name has none of these suffixes.
            SpecError: the suffix is ``.png``, and Pillow is not installed.
            OSError: the file cannot be written.
        """
        path = Path(path)
        path.write_bytes(self.encoded(path.suffix, scale=scale))
        return path

    def encoded(self, ending: str, *, scale: float = 2.0) -> bytes:
        """Return the bytes of a file with this suffix; raises the errors of ``save``."""
        match ending.lower():
            case ".png":
                return self.png(scale)
            case ".pdf":
                return self.pdf()
            case ".tex":
                found = self.tikz()
            case ".svg":
                found = self.svg()
            case ".mmd":
                found = self.mermaid()
            case ".md":
                found = f"```mermaid\n{self.mermaid()}```\n"
            case ".txt":
                found = self.text() + "\n"
            case _:
                raise ValueError(
                    f"a picture is saved as {', '.join(FORMATS)}, not as {ending or 'no ending'!r}"
                )
        return found.encode("utf-8")

    def __str__(self) -> str:
        return self.text()

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": self.text()}


class Paper(NamedTuple):
    """The size of a picture: in pixels if it is ``exact``, else the ratio of width to height."""

    w: int
    h: int
    exact: bool = False

    @classmethod
    def read(cls, text: str) -> Paper:
        """Return the size in a text: ``16:9`` or ``1600x900``.

        Raises:
            ValueError: the text is no size, or the size is too small or too large.

        >>> Paper.read("16:9"), Paper.read("1600x900")
        (Paper(w=16, h=9, exact=False), Paper(w=1600, h=900, exact=True))
        """
        found = re.fullmatch(r"(\d{1,5})([:x])(\d{1,5})", text)
        w, h = (int(found[1]), int(found[3])) if found else (0, 0)
        if not found or not 0 < w <= MOST_PIXELS or not 0 < h <= MOST_PIXELS or not 0.05 <= w / h <= 20:
            raise ValueError(
                f"{text[:20]!r} is not a size; write 16:9 (the width for the height) or 1600x900 (in pixels, "
                f"up to {MOST_PIXELS:,})"
            )
        if found[2] == "x" and min(w, h) < LEAST_PIXELS:
            raise ValueError(f"{text} is too small for a picture; {LEAST_PIXELS} pixels are the least")
        if found[2] == "x" and w * h > LARGEST:
            raise ValueError(f"{text} is too large for a picture; {LARGEST:,} pixels are the most")
        return cls(w, h, found[2] == "x")


def draw(
    spec: Text,
    *,
    unrolled: bool = False,
    part: str = "",
    fold: bool = True,
    parts: bool = True,
    loop: bool = False,
    feedback: bool = False,
    theme: Theme = "auto",
    direction: Direction | None = None,
    size: str | None = None,
    params: bool = False,
    highlight: str | Sequence[str] = (),
    cell: str = "",
    sources: bool = False,
    **dims: Any,
) -> Drawing:
    """Draw a spec, without loading Keras or NumPy.

    Args:
        spec: the text, or a ``pathlib.Path`` of it.
        unrolled: True draws the time steps side by side, with states going to the right, instead of the graph
            of layers.
        part: the name of a model of the spec to draw, instead of the whole.
        fold: True draws copies (``* 3``, a ``for``) as one box with their number; False draws each.
        parts: True draws named flows of two boxes or more as frames with their names; False draws no frames.
        loop: True draws the states of recurrent layers as arrows that go back into them.
        feedback: True draws the output as the next input, as ``rollout`` and ``generate`` feed it back.
        theme: ``light``, ``dark``, or ``auto``, which follows the setting of the reader's screen.
        direction: the direction of data, ``down`` or ``right``. In a terminal it is always down.
        size: the size of the picture in a file: ``"16:9"``, the ratio of width to height, or ``"1600x900"``,
            in pixels. Without a direction, the picture has the direction that fills it better.
        params: True writes into each box its number of parameters.
        highlight: the name, or the names, of layers, inputs or named flows that are to stand out.
        cell: the name of a recurrent layer: the inside of one of its steps is drawn, with its gates and the
            shapes of their weights.
        sources: True marks, in an unrolled picture, all that the last step of each output is computed from,
            such as the fan of a TCN.
        dims: values of names: numbers, or texts such as ``"relu"`` or ``"lstm"``; they win over ``let``.

    Returns:
        The picture. ``print`` shows it in characters, and a notebook as an image.

    Raises:
        SpecError: the spec has errors, or cannot be drawn in this way; the message says why.
        ValueError: there is no such theme, direction or size.
        KeyError: the spec has no part, no cell, or the picture nothing to highlight, of that name; the
            message lists those that there are.

    >>> print(draw("in(8) -> dense(1)"))
      ╭───────╮
      │ in(8) │
      ╰───────╯
          │(8,)
          ▼
    ┌──────────┐
    │ dense(1) │
    └──────────┘
          │(1,)
          ▼
     ╭────────╮
     │ output │
     ╰────────╯
    """
    checked = analyse(spec, dims)
    return drawing_of(
        checked,
        unrolled=unrolled,
        part=part,
        fold=fold,
        parts=parts,
        loop=loop,
        feedback=feedback,
        theme=theme,
        direction=direction,
        size=size,
        params=params,
        highlight=highlight,
        cell=cell,
        sources=sources,
    )


def drawing_of(
    checked: Checked,
    *,
    unrolled: bool = False,
    part: str = "",
    fold: bool = True,
    parts: bool = True,
    loop: bool = False,
    feedback: bool = False,
    theme: Theme = "auto",
    direction: Direction | None = None,
    size: str | None = None,
    params: bool = False,
    highlight: str | Sequence[str] = (),
    cell: str = "",
    sources: bool = False,
) -> Drawing:
    """Return the picture of a checked spec; the other arguments and the errors are those of ``draw``."""
    if theme not in THEMES:
        raise ValueError(f"a theme is {', '.join(THEMES)}, not {theme!r}")
    if direction not in (None, *DIRECTIONS):
        raise ValueError(f"a direction is {' or '.join(DIRECTIONS)}, not {direction!r}")
    if unrolled and (direction or params or highlight):
        raise ValueError(UNROLLED)
    if cell and (unrolled or part or loop or feedback or params or highlight):
        raise ValueError(OF_CELLS)
    if sources and not unrolled:
        raise ValueError("sources are of steps: draw the spec unrolled")
    paper = Paper.read(size) if size is not None else None
    if checked.resolved is None or checked.spec is None or not checked.ok:
        raise SpecError(checked.diagnostics)
    resolved = checked.resolved
    graph = part_of(resolved, part) if part else resolved.graph
    if cell:
        title, plan = cell_of(graph, cell)
        return Drawing(title, _about(plan), plan, None, theme, direction, paper)
    names: dict[int, str] = {}
    for name, bound in resolved.parts.items():
        for values in (
            [u.values for u in bound.uses if u.graph is resolved.graph]
            if isinstance(bound, scope.Block)
            else [bound.values]
        ):
            if len(values) == 1 and not values[0].extra and graph.nodes[values[0].node].layer is not None:
                names[values[0].node] = name
    # The fed-back value goes around everything, not through frames.
    stretches = stretches_of(resolved, checked.spec, graph) if parts and not feedback else []
    plan = plan_of(graph, loops_of(checked.spec), names, stretches, folded=fold, looped=loop)
    plan.back = feedback_of(graph, checked.source) if feedback else None
    if params:
        count_params(plan, graph)
    flows = {n: b.values for n, b in resolved.parts.items() if not isinstance(b, scope.Block)}
    for name in [highlight] if isinstance(highlight, str) else highlight:
        mark(plan, graph, name, flows)
    found = kind(graph)
    title = f"{graph.name}: {found}" if graph.name != "model" else found
    about = f"{meaning(graph)}. {_about(plan)}"
    if plan.back is not None:
        about += f" What goes out is fed back as {plan.back.words}."
    if unrolled:
        found_steps = unroll(graph, checked.source)
        if plan.back is not None:
            found_steps.feed_back(plan.back, checked.source)
        return Drawing(title, about, plan, found_steps, theme, paper=paper, sources=sources)
    if plan.size > MOST_BLOCKS:
        raise SpecError((_too_large(checked, plan.size),))
    return Drawing(title, about, plan, None, theme, direction, paper)


def _about(plan: Plan) -> str:
    """Return a description of the picture in words, for those who do not see it."""
    words = [_text(block) for block in plan.blocks]
    shown = words if len(words) <= 40 else [*words[:39], f"{len(words) - 39} more"]
    return f"{len(words)} boxes: {', '.join(shown)}."


def _text(block: Block) -> str:
    """Return the words of a box, for a frame also those of what is in it."""
    words = " ".join([block.title, *block.beside]).strip()
    if block.inner is None:
        return words
    inner = [text for inner in block.inner.blocks if (text := _text(inner))]
    shown = inner if len(inner) <= 12 else [*inner[:11], f"{len(inner) - 11} more"]
    return f"{words} ({', '.join(shown)})"


def _too_large(checked: Checked, size: int) -> Diagnostic:
    return Diagnostic(
        "ST451",
        f"a picture of {size:,} boxes would be too large to read: {MOST_BLOCKS} are the most",
        Span(0, 0),
        notes=("copies that '* n' or 'for' makes are one box, where each does the same as the one before",),
        help="draw a named part of it with --part, or write what repeats with '* n' or 'for'",
        source=checked.source,
    )


def _no_pillow() -> Diagnostic:
    return Diagnostic(
        "ST453",
        "a PNG is drawn by Pillow, which is not installed",
        Span(0, 0),
        help=f"save it as .svg, which needs nothing, or install it:\n  {packages.get_extra('draw')}",
    )


AHEAD = ", beside what is known ahead"


def feedback_of(graph: Graph, source: Source | None = None) -> Feedback:
    """Return the first output that fits an input, and the last such input, as a decoder is fed its
    own output.

    An output that is a whole step goes before one that is a part of it.

    Raises:
        SpecError: none fits; says why.

    >>> from seqtopo.report.analyse import analyse
    >>> feedback_of(analyse("in(T,3) -> lstm(8,seq) -> dense(3)").resolved.graph)
    Feedback(output=0, node=0, words='the next step')
    """
    live = set(graph.ancestors(graph.outputs))
    inputs = [graph.nodes[i] for i in graph.inputs if i in live]
    found: list[Feedback] = []
    for number, value in enumerate(graph.outputs):
        given = graph.tensor(value)
        for node in reversed(inputs):
            if given is not None and node.outputs and (words := _feedback_words(given, node.outputs[0])):
                found.append(Feedback(number, node.index, words))
    if found:
        return min(found, key=lambda back: back.words.endswith(AHEAD))
    raise SpecError((_nothing_fits(graph, source),))


def _feedback_words(given: Tensor, taken: Tensor) -> str:
    """Return the words for an output that is fed back to an input; "" where it does not fit."""
    if not given.shape or not taken.shape or given.dtype not in FLOATS:
        return ""
    if taken.dtype not in FLOATS:
        return "the id that is chosen, as the next step" if len(taken.shape) == 1 else ""
    width, wanted = given.shape[-1], taken.shape[-1]
    if fits(width, wanted) and len(given.shape) <= len(taken.shape):
        return "the next step" if len(taken.shape) > 1 else "the next input"
    if isinstance(width, int) and isinstance(wanted, int) and width < wanted and len(taken.shape) == 2:
        return f"the next step{AHEAD}"
    return ""


def _nothing_fits(graph: Graph, source: Source | None) -> Diagnostic:
    gives = [show_shape(t.shape) for v in graph.outputs if (t := graph.tensor(v)) is not None]
    takes = [show_shape(t.shape) for i in graph.inputs for t in graph.nodes[i].outputs or ()]
    return Diagnostic(
        "ST454",
        f"the output, {' and '.join(gives)}, does not fit the input, {' and '.join(takes)}: it "
        "cannot be fed back",
        Span(0, 0),
        help="leave out --feedback, or give as many features as one step of the input has",
        source=source,
    )
