"""The Python face: check a spec, compile it to a Keras model, format it, add a layer."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.graph import buildable
from seqtopo.graph.loss_shapes import loss_name
from seqtopo.graph.outside import NoValue, read_value, value_of
from seqtopo.graph.resolver import Resolved, resolve
from seqtopo.graph.symbols import names_in, symbols_of
from seqtopo.layers.objects import names
from seqtopo.lint.selection import Selection, selection
from seqtopo.reading import read
from seqtopo.report import Report, report_of
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse
from seqtopo.system import collector

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    import keras

    from seqtopo.emit.build import Built

Text: TypeAlias = "str | Path"


@dataclass
class Checked:
    """A spec that was read: its tree, its graph where it has one, and what was found."""

    source: Source
    spec: tree.Spec | None
    resolved: Resolved | None
    diagnostics: tuple[Diagnostic, ...]
    bound: Collection[str] = ()
    """The names that are bound from outside."""
    seen: Resolved | None = None
    """The same with the data's sizes in place of every ``?``, where there are some: the rules look at it."""

    @cached_property
    def ok(self) -> bool:
        """Whether there is no error."""
        return self.resolved is not None and not any(d.severity == "error" for d in self.diagnostics)


@collector.off()
def analyse(spec: Text | Source, dims: Mapping[str, Any] | None = None) -> Checked:
    """Reads and resolves a spec; never raises for a user's mistake."""
    source, problems = read(spec)
    if problems:
        return Checked(source, None, None, problems)
    parsed, found = parse(source)
    if parsed is None:
        return Checked(source, None, None, tuple(found))
    bound, wrong = _bindings(dims or {}, parsed)
    resolved, more = resolve(parsed, source, bound)
    if found and all(d.code in ("ST106", "ST206", "ST201") for d in more):
        # What could not be read may be what is missing: only the reading is reported.
        more = []
    # A name whose value could not be read is not unbound as well.
    said = {d.message.partition(" ")[0] for d in wrong}
    more = [d for d in more if d.code != "ST223" or d.message.partition(" ")[0] not in said]
    every = (*found, *wrong, *more)
    if any(d.severity == "error" for d in every):
        resolved = None
    return Checked(source, parsed, resolved, every, tuple(bound))


def _bindings(dims: Mapping[str, Any], spec: tree.Spec) -> tuple[dict[str, Any], list[Diagnostic]]:
    bound: dict[str, Any] = {}
    wrong: list[Diagnostic] = []
    known = symbols_of(spec) if dims else set()
    for name, value in dims.items():
        # A value may be written with names of its own: -D N=2*M -D M=3.
        given = read_value(name, value) if isinstance(value, str) else None
        known |= {n for n in names_in(given.value) if n[0].isupper()} if given is not None else set()
    for name, value in dims.items():
        message = ""
        help = ""
        if name not in known:
            near = nearest(name, sorted(known))
            message = f"{name} is bound from outside, but the spec has no {name}"
            help = (
                f"did you mean {near}?"
                if near
                else f"the spec's names are {', '.join(sorted(known)) or 'none'}"
            )
        else:
            try:
                value = value_of(value)
            except NoValue as answer:
                message = f"{name} cannot be bound so: {answer}"
                help = f'as in {name}=24, {name}="relu", {name}="lstm" or {name}="(lstm(8,seq) -> relu)"'
        if message:
            wrong.append(Diagnostic("ST406", message, Span(0, 0), help=help))
        else:
            bound[name] = value
    return bound, wrong


def check(
    spec: Text,
    *,
    x: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    pad: bool = False,
    loss: str | None = None,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    **dims: Any,
) -> Report:
    """Checks a spec without Keras and without NumPy; with data, against the data too.

    Args:
        spec: the text, or a ``pathlib.Path`` of it.
        x: data for the inputs: an array ``(samples, ...)`` or the path of an ``.npy`` or ``.npz`` file;
            for several inputs a list of them in the order of the text, or a dictionary by name. The
            symbols of ``in(...)`` that nothing binds are learned from it. Ids, ranges and NaN are looked
            at where NumPy is installed.
        y: labels for the outputs, in the same way.
        sample_weight: the weights that ``fit`` will be given: (samples,) for one answer a sample, or with
            the axes of the steps; one array for all outputs, or one for each.
        pad: pads samples of unequal lengths, such as a list of arrays (steps, F), to the longest, as
            ``seqtopo.data.pad`` does, with the value that the spec masks (0, or V of ``mask(V)``).
        loss: the loss that y is for, where the spec has no ``train`` statement that says it.
        select: rules to switch on beside those that are on by default: codes, their names, or
            beginnings of codes; ``ALL`` is every one.
        ignore: rules to switch off, in the same way. Errors cannot be switched off.
        kernels: whether its layers run on the fastest kernels there are for them, see ``kernels``;
            otherwise they run as Keras has them.
        dims: values of names: numbers, or texts such as ``"relu"`` or ``"lstm"``; they win over ``let``.

    Returns:
        The report; a mistake in the spec is a diagnostic in it, never an exception.

    Raises:
        ValueError: ``select`` or ``ignore`` names no code, or ``loss`` no loss.

    >>> report = check("in(T,8) -> lstm(64,seq) -> dense(3)")
    >>> report.ok, report.kind, report.params
    (True, 'many-to-many', 18883)
    >>> check("in(T,8) -> lstm(64) -> lstm(32)").diagnostics[0].code
    'ST301'
    """
    checked = with_data(analyse(spec, dims), x, y, loss, dims, sample_weight, pad=pad)
    return report(linted(checked, selection(select, ignore)))


def with_data(
    checked: Checked,
    x: Any,
    y: Any,
    loss: str | None = None,
    dims: Mapping[str, Any] | None = None,
    sample_weight: Any = None,
    *,
    pad: bool = False,
) -> Checked:
    """A spec that was read with these ``dims``, its symbols bound by data, with what is wrong with the data.

    With ``pad``, samples of unequal lengths are padded to one.

    Raises:
        ValueError: there is no such loss.
    """
    if loss is not None and not loss_name(loss):
        from seqtopo.layers.legacy_objects import OBJECTS

        old = OBJECTS["loss"].get(loss)
        near = old.to if old is not None else nearest(loss.lower(), names("loss"))
        raise ValueError(f"there is no loss {loss!r}" + (f"; did you mean {near}?" if near else ""))
    if checked.resolved is None or (x is None and y is None and sample_weight is None):
        return checked
    from seqtopo.data.fitting import fit, learned_from, read_data

    data = read_data(checked.resolved.graph, x, y, sample_weight, pad)
    learned = learned_from(checked.resolved, data)
    bound = {**(dims or {}), **learned.dims}
    again = analyse(checked.source, bound) if learned.dims else checked
    found = [*data.problems, *learned.problems]
    seen = None
    if again.resolved is not None and again.spec is not None:
        more: list[Diagnostic] = []
        if learned.shapes:
            seen, more = resolve(again.spec, again.source, bound, labels=False, shapes=learned.shapes)
        found += fit(again.resolved, data, bound, learned, loss or "", seen)
        # A fix would be tried without the sizes of the data.
        known = {(d.code, d.span) for d in (*again.diagnostics, *found)}
        found += [replace(d, fixes=()) for d in more if (d.code, d.span) not in known]
        if data.y:
            values = tuple(array.values for array in data.y)
            again = replace(again, resolved=replace(again.resolved, label_values=values))
            seen = replace(seen, label_values=values) if seen is not None else None
    placed = (d if d.source is not None else replace(d, source=checked.source) for d in found)
    return replace(again, diagnostics=(*again.diagnostics, *placed), seen=seen)


@collector.off()
def linted(checked: Checked, chosen: Selection | None = None) -> Checked:
    """A spec that was read, with what the rules find where there are no errors."""
    if checked.resolved is None or checked.spec is None or not checked.ok:
        return checked
    from seqtopo.lint.run import lint

    found = lint(checked.seen or checked.resolved, checked.spec, chosen or Selection(), checked.diagnostics)
    return replace(checked, diagnostics=tuple(found))


@collector.off()
def report(checked: Checked) -> Report:
    """The report of a spec that was read."""
    resolved = checked.resolved
    names: tuple[str, ...] = ()
    if resolved is None or resolved.free:
        graph = None if resolved is None else resolved.graph
        text = checked.source.text
        # A Python class's name is no name to bind: it is another word for a layer.
        wrong = {text[d.span.start : d.span.end] for d in checked.diagnostics if d.code == "ST201"}
        unbound = buildable.unbound_names(graph, checked.spec, checked.bound)
        names = tuple(name for name in unbound if name not in wrong)
    return report_of(checked.source, checked.diagnostics, resolved, names)


def compile(
    spec: Text,
    *,
    backend: str | None = None,
    seed: int | None = None,
    max_params: int = buildable.MAX_PARAMS,
    step: bool = False,
    kernels: bool = True,
    **dims: Any,
) -> keras.Model:
    """Builds the Keras model that a spec describes, of stock Keras layers.

    Args:
        spec: the text, or a ``pathlib.Path`` of it.
        backend: ``jax``, ``torch`` or ``tensorflow``; else ``KERAS_BACKEND`` decides, then
            ``keras.json``, then what is installed. Must be chosen before Keras is imported.
        seed: what the initial weights are drawn from, on the host: the same spec and seed give the same
            weights, to the bit, on every backend. Dropout and the like start from it too. Else each
            build has others, as in Keras, and ``keras.utils.set_random_seed`` makes a program's the same
            in each run.
        max_params: more parameters than this are not built.
        step: gives the one-step twin instead, made of the same layers: one time step of each sequence
            (batch, F), then the states, come in; the outputs, then the next states, come out. Its method
            ``start(batch_size)`` gives the states to begin with.
        kernels: whether its layers run on the fastest kernels there are for them, see ``kernels``;
            otherwise they run as Keras has them.
        dims: values of names: numbers, or texts such as ``"relu"`` or ``"lstm"``; they win over ``let``.

    Returns:
        The model of the last flow, compiled where the spec has a ``train`` statement. It has a
        method ``part(name)`` for the spec's named models, with the same weights; and it is attached,
        see ``attach``.

    Raises:
        SpecError: the spec is wrong, a symbol needs a number, or no backend can be had.
        ValueError: with ``step``, for a layer that needs more than the steps so far, which it names; or
            the seed is no whole number from 0 up.

    >>> model = compile("in(T,F) -> lstm(8) -> dense(1)", T=24, F=3)
    >>> model.output_shape, model.count_params()
    ((None, 1), 393)
    >>> compile("in(?,3) -> lstm(8,seq) -> dense(1)", step=True).output_shape
    [(None, 1), (None, 8), (None, 8)]
    """
    built = build(analyse(spec, dims), backend, max_params, kernels=kernels, seed=seed)
    with keras_refusals(built.resolved.source):
        model = built.main()
    if not step:
        return model
    from seqtopo.runtime.stepping.one_step import one_step

    twin = one_step(model)
    twin.model.start, twin.model.part = twin.start, built.part
    return twin.model


def compile_all(
    spec: Text,
    *,
    backend: str | None = None,
    seed: int | None = None,
    max_params: int = buildable.MAX_PARAMS,
    kernels: bool = True,
    **dims: Any,
) -> dict[str, keras.Model]:
    """Builds every named model of a spec; they share their layers, and so their weights.

    Takes and raises what ``compile`` does. Returns the models by name: each binding that has a
    source, and each block that is used, as a model of its own; the model of the last flow, if it has
    no name, is called ``model``.

    >>> models = compile_all('''
    ... encoder = in(5,3) -> lstm(4)
    ... decoder = in(4) -> repeat(5) -> lstm(3,seq)
    ... autoencoder = encoder -> decoder
    ... ''')
    >>> sorted(models), models["decoder"].output_shape
    (['autoencoder', 'decoder', 'encoder'], (None, 5, 3))
    """
    built = build(analyse(spec, dims), backend, max_params, kernels=kernels, seed=seed)
    with keras_refusals(built.resolved.source):
        main = built.main()
        found = {name: built.part(name) for name in built.parts()}
    found[built.resolved.graph.name] = main
    return found


def build(
    checked: Checked,
    backend: str | None = None,
    max_params: int = buildable.MAX_PARAMS,
    *,
    kernels: bool = True,
    seed: int | None = None,
) -> Built:
    """The models of a spec that was read, each built when it is asked for, and ready to run.

    Raises:
        SpecError: what ``compile`` raises it for.
        ValueError: the seed is no whole number from 0 up.
    """
    resolved = buildable_spec(checked, max_params)
    if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0):
        raise ValueError(f"a seed is a whole number from 0 up, such as seed=1, not {seed!r}")
    from seqtopo.emit.backend import choose

    choose(backend)
    from seqtopo.emit.build import Built
    from seqtopo.runtime.attach import attach

    return Built(resolved, partial(attach, kernels=kernels), None if seed is None else operator.index(seed))


def buildable_spec(checked: Checked, max_params: int = buildable.MAX_PARAMS) -> Resolved:
    """The graphs of a spec that was read, where a model can be made of it.

    Raises:
        SpecError: it is wrong, a symbol needs a number, or it has too many parameters.
    """
    if checked.resolved is None or not checked.ok:
        raise SpecError(checked.diagnostics)
    missing = unbuildable(checked, max_params)
    if missing:
        raise SpecError(missing)
    return checked.resolved


@contextmanager
def keras_refusals(source: Source) -> Iterator[None]:
    """Where Keras refuses what the checker accepted, a diagnostic with Keras' words.

    Raises:
        SpecError: ST404, from Keras' own error.
    """
    try:
        yield
    except SpecError:
        raise
    except Exception as error:
        from seqtopo.emit.backend import old_versions, running

        said = str(error).strip() or type(error).__name__
        newer = "either the checker is wrong, or this Keras is newer than the ones it knows"
        report = "report it, with the spec and these notes"
        old = old_versions()
        help = f"install such a version first; if it stays, {report}" if old else f"please {report}"
        raise SpecError(
            (
                Diagnostic(
                    "ST404",
                    "Keras refused a spec in which the checker found nothing wrong",
                    Span(0, 0),
                    notes=(
                        f"{running()} said: {said}",
                        *(old or (newer,)),
                    ),
                    help=help,
                    source=source,
                ),
            )
        ) from error


def unbuildable(checked: Checked, max_params: int = buildable.MAX_PARAMS) -> tuple[Diagnostic, ...]:
    """What keeps a spec without errors from being built: symbols without a number, or its size."""
    if checked.resolved is None or checked.spec is None:
        return ()
    graph = checked.resolved.graph
    missing = buildable.unbound(graph, checked.spec) or buildable.too_large(graph, max_params)
    return tuple(replace(d, source=checked.source) for d in missing)


def format_spec(text: str) -> str:
    r"""A spec in the house style, with its comments; the text itself is what is returned unchanged
    where it is formatted already.

    Raises:
        SpecError: the text cannot be read.

    >>> format_spec("in( T , F )->lstm( 64,seq )")
    'in(T,F) -> lstm(64,seq)\n'
    """
    from seqtopo.syntax.print import format_text

    formatted, found = format_text(Source(text))
    if formatted is None:
        raise SpecError(tuple(found))
    return formatted
