"""Explain why labels do not fit an output, the cause first."""

from __future__ import annotations

from dataclasses import dataclass

from seqtopo.diag.model import Label
from seqtopo.graph.graph import Node
from seqtopo.graph.training import Labels, Values
from seqtopo.labels.loss_shapes import IDS, Verdict, shown_loss
from seqtopo.labels.main_path import MainPath, is_valid_convolution
from seqtopo.layers.sizes import Shape, Size, count, fits, show_shape
from seqtopo.source import Span


@dataclass(frozen=True)
class LabelCase:
    """The labels of one output, its loss by its main name ("" for none), and their source.

    ``name`` is that of the data (``y``), "" for labels that the spec declares; ``span`` is their declaration.
    ``steps`` are numbers of time steps that the data is known to have. ``weighted`` says that some labels may
    not count, by weights or as padding.
    """

    labels: Labels
    loss: str = ""
    name: str = ""
    span: Span | None = None
    values: Values | None = None
    steps: tuple[Size, ...] = ()
    weighted: bool = False

    @property
    def phrase(self) -> str:
        """The words with which a message begins: the labels, and their shape.

        >>> LabelCase(Labels((20, 1)), name="y").phrase
        'each label in y is (20, 1)'
        >>> LabelCase(Labels(())).phrase
        'labels are one number'
        >>> LabelCase(Labels((), "int32", 4)).phrase
        'labels are one id of 4 classes'
        """
        below = self.labels.below
        shape = show_shape(self.labels.shape) if self.labels.shape else "one number"
        if below is not None:
            shape = f"{show_shape(self.labels.shape)} ids" if self.labels.shape else "one id"
            shape += f" of {below} classes"
        return f"each label in {self.name} is {shape}" if self.name else f"labels are {shape}"

    @property
    def phrase_of_ids(self) -> str:
        """The same words for labels that are class ids, whether or not they are declared as such."""
        return self.phrase if self.labels.below is not None else f"{self.phrase}, one class id each"

    @property
    def holder(self) -> str:
        """The name of the data with the labels, or "labels"."""
        return self.name or "labels"


@dataclass(frozen=True)
class Mismatch:
    """An output that does not fit its labels, with the words for it; ``wanted`` is a shape that fits."""

    path: MainPath
    how: Verdict
    wanted: Shape
    message: str
    span: Span
    label: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""


def mismatch(path: MainPath, case: LabelCase, how: Verdict) -> Mismatch:
    """Return why labels do not fit the output of a path."""
    output = path.shape
    wanted = _wanted(path, case, output)
    notes = _notes(path, case, output, wanted, how)
    if case.loss == "ctc" and len(output) != 2:
        return _ctc(path, case, output, wanted)
    if len(wanted) > len(output):
        return _collapsed(path, case, output, wanted, how, notes)
    if len(wanted) < len(output):
        return _kept(path, case, output, wanted, how, notes)
    if not all(map(fits, wanted[:-1], output[:-1])):
        return _lengths(path, case, output, wanted, how, notes)
    node = path.wide or path.nodes[0]
    return Mismatch(
        path,
        how,
        wanted,
        f"{case.phrase}, but the model gives {show_shape(output)}",
        node.span,
        f"makes the width {output[-1]}" if node is not path.nodes[0] else f"gives {show_shape(output)}",
        notes=notes,
        help="let the last layer give as many numbers as a label has",
    )


def _wanted(path: MainPath, case: LabelCase, output: Shape) -> Shape:
    """Return the shape that the output must have for its labels."""
    labels = case.labels.shape
    if case.loss in IDS or (not case.loss and case.labels.dtype.startswith(("int", "uint"))):
        if len(labels) > 1 and labels[-1] == 1:
            labels = labels[:-1]
        return (*labels, case.labels.below or output[-1]) if output else labels
    if case.loss == "ctc":
        return (*labels[:1], output[-1]) if output else labels
    if len(labels) == 1 and len(output) <= 1 and path.collapse is not None and labels[0] != 1:
        steps = (*path.input_shape(path.collapse)[:1], *path.steps[:1], *case.steps)
        if any(fits(labels[0], size) for size in steps):
            return (labels[0], 1)
    return labels


def _collapsed(
    path: MainPath, case: LabelCase, output: Shape, wanted: Shape, how: Verdict, notes: tuple[str, ...]
) -> Mismatch:
    gives = f"the model gives {show_shape(output)}"
    node = path.collapse
    if node is None:
        return Mismatch(
            path,
            how,
            wanted,
            f"{case.phrase}, but {gives}",
            path.nodes[0].span,
            f"gives {show_shape(output)}",
            notes=notes,
            help="declare the missing axis in in(...), or make it with repeat(N)",
        )
    steps = path.input_shape(node)[0]
    each = "one for every step" if fits(wanted[0], steps) else f"for {count(wanted[0], 'step')}"
    return Mismatch(
        path,
        how,
        wanted,
        f"{case.phrase}, {each}, but {gives}: one for the whole sequence",
        node.span,
        f"gives {show_shape(path.output_shape(node))}: {_only(node)}",
        notes=notes,
        help="keep the steps with seq, or repeat the vector with repeat(N) before a layer with seq",
    )


def _kept(
    path: MainPath, case: LabelCase, output: Shape, wanted: Shape, how: Verdict, notes: tuple[str, ...]
) -> Mismatch:
    keeper = path.keeper
    if keeper is not None and path.nodes[len(path.head)] is not keeper:
        keeper = None  # what stands between needs the steps
    node = keeper or path.first_dense or (path.head[-1] if path.head else path.nodes[0])
    if len(output) == 1:
        # A vector has no steps: it has more numbers than the label.
        node = path.wide or path.nodes[0]
        return Mismatch(
            path,
            how,
            wanted,
            f"{case.phrase}, but the model gives {count(output[0], 'number')}: {show_shape(output)}",
            node.span,
            f"makes the width {output[0]}",
            notes=notes,
            help="let the last layer give as many numbers as a label has",
        )
    steps = output[0]
    unknown = str(steps) == "?"
    if node is keeper:
        kept = "all steps" if unknown else f"its {count(steps, 'step')}"
        label = f"keeps {kept}: gives {show_shape(path.output_shape(node))}"
    elif node is path.first_dense:
        each = "each step" if unknown or steps == 1 else f"each of the {steps} steps"
        label = f"works on {each}: gives {show_shape(path.output_shape(node))}"
        notes = (*notes, "dense does not flatten: it works on the last axis, at each step by itself")
    else:
        label = f"gives {show_shape(path.output_shape(node))}"
    return Mismatch(
        path,
        how,
        wanted,
        f"{case.phrase}, one for the whole sequence, but the model gives {show_shape(output)}: "
        "one for every step",
        node.span,
        label,
        notes=notes,
        help="take the steps together: last step (no seq), gavgpool1d, or flatten",
    )


def _lengths(
    path: MainPath, case: LabelCase, output: Shape, wanted: Shape, how: Verdict, notes: tuple[str, ...]
) -> Mismatch:
    cut = next((n for n in path.nodes if is_valid_convolution(n)), None)
    uneven = path.uneven if cut is None and (wanted[0],) == path.steps[:1] else None
    node = path.keeper or cut or uneven or path.nodes[0]
    if output[-1] == wanted[0] and path.wide is not None:
        node = path.wide
        notes = (
            *notes,
            f"{wanted[0]} is a number of steps here, and {node.layer} gives {count(wanted[0], 'number')} "
            "at each step",
        )
    if len(path.steps) > 2:
        notes = (*notes, f"the steps on the way: {' -> '.join(map(str, path.steps))}")
    return Mismatch(
        path,
        how,
        wanted,
        f"{case.phrase}: {count(wanted[0], 'step')}, but the model gives {show_shape(output)}: "
        f"{count(output[0], 'step')}",
        node.span,
        f"{count(path.input_shape(node)[0], 'step')} to {path.output_shape(node)[0]}"
        if node in (cut, uneven)
        else f"gives {show_shape(path.output_shape(node))}",
        notes=notes,
        help=_advice_to_restore_steps(path)
        if node in (cut, uneven)
        else "where the lengths differ, read to the end first and repeat: "
        f"lstm(32) -> repeat({wanted[0]}) -> lstm(32,seq)",
    )


def _advice_to_restore_steps(path: MainPath) -> str:
    """Return the advice by which convolutions and pools return as many steps as they get."""
    factor, steps = path.halvings, path.steps[0] if path.steps else 0
    if factor == 1 or not isinstance(steps, int) or steps % factor == 0:
        return "let every convolution keep its steps: same"
    cuts = any(is_valid_convolution(node) for node in path.nodes)
    kept = "let every convolution keep its steps (same), and " if cuts else ""
    return f"{kept}pad the input to a multiple of {factor} steps: {-(-steps // factor) * factor}"


def _ctc(path: MainPath, case: LabelCase, output: Shape, wanted: Shape) -> Mismatch:
    node = path.collapse or path.nodes[0]
    return Mismatch(
        path,
        "breaks",
        wanted,
        f"ctc aligns a label with the steps of the output, but the model gives {show_shape(output)}",
        node.span,
        f"gives {show_shape(path.output_shape(node))}",
        help="let the model give a distribution at every step: (T, classes)",
    )


def _notes(path: MainPath, case: LabelCase, output: Shape, wanted: Shape, how: Verdict) -> tuple[str, ...]:
    if how != "broadcasts" or not case.loss:
        return ()
    if len(wanted) > len(output) or output[:1] == (1,):
        effect = "every label with the same number, and learn their mean"
    else:
        effect = "labels with numbers that they do not belong to"
    return (f"{shown_loss(case.loss)} would not fail: it would compare {effect}",)


def _only(node: Node) -> str:
    if node.layer is not None and node.layer.row.recurrent:
        return "only its last step"
    return "the steps are taken together"
