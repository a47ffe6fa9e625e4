"""Find what each name in a spec refers to: every use of a name, with the place where it is bound.

The resolver looks names up as often as it walks a flow. This module visits each place in the text once, by
the same rules, and works on specs with mistakes too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from seqtopo.layers import registry
from seqtopo.layers.row import Row
from seqtopo.layers.values import DTYPES
from seqtopo.syntax import tree

Binder = Literal["size", "flow", "step", "macro", "parameter", "loop"]
"""The construct that binds a name: ``let`` or ``search``, ``=``, ``as``, ``def``, its head, ``for``."""


class Bound(NamedTuple):
    """A name at the place where it is bound, with the construct and the tree node that bind it.

    For a name in a macro, ``within`` is the macro.
    """

    name: tree.Name
    by: Binder
    node: tree.Node
    within: tree.Def | None = None


class Use(NamedTuple):
    """A name in the text and its binding; ``bound`` is None for a symbol that nothing binds."""

    name: tree.Name
    bound: Bound | None

    @property
    def is_definition(self) -> bool:
        """True if the name is bound at this place."""
        return self.bound is not None and self.bound.name is self.name


Names = Mapping[str, Bound]


def uses(spec: tree.Spec) -> list[Use]:
    r"""Return every name that is bound or means something bound, and every symbol, in the order of the text.

    Names of layers, arguments, flags and Keras objects are not among them.

    >>> from seqtopo.source import Source
    >>> from seqtopo.syntax.parse import parse
    >>> spec, _ = parse(Source("let H = 8\ndef f(K) = conv1d(H,K)\nin(T,1) -> f(K=3) as y -> relu"))
    >>> [f"{use.name.name} {use.bound.by if use.bound else 'free'}" for use in uses(spec)][3:]
    ['H size', 'K parameter', 'T free', 'f macro', 'K parameter', 'y step']
    """
    return sorted(_Walk(spec).found, key=lambda use: use.name.span)


def visible(spec: tree.Spec, offset: int) -> Names:
    """Return the names that are bound where an offset of the text lies, the macro's own included."""
    walk = _Walk(spec)
    for statement in spec.statements:
        if isinstance(statement, tree.Def) and statement.span.start <= offset <= statement.span.end:
            return walk.inside(statement)
    return walk.root


class _Walk:
    """A pass over the tree that keeps the names bound around each place."""

    def __init__(self, spec: tree.Spec) -> None:
        self.found: list[Use] = []
        self.root: dict[str, Bound] = {}
        for statement in spec.statements:
            for bound in _binds(statement):
                self.root.setdefault(bound.name.name, bound)
                self.found.append(Use(bound.name, bound))
        for statement in spec.statements:
            self._statement(statement)

    def inside(self, macro: tree.Def) -> dict[str, Bound]:
        """Return the names in the body of a macro, where its parameters and those of ``as`` hide others."""
        own = {p.name.name: Bound(p.name, "parameter", p, macro) for p in macro.params}
        return {**self.root, **own, **{b.name.name: b for b in _steps(macro.body, macro)}}

    def _statement(self, statement: tree.Statement) -> None:
        match statement:
            case tree.Let():
                for binding in statement.bindings:
                    self._flow(binding.value, self.root)
            case tree.Search():
                for domain in statement.domains:
                    self._value(domain.values, self.root)
                    if domain.step is not None:
                        self._value(domain.step, self.root)
            case tree.Bind() | tree.Output():
                self._flow(statement.value, self.root)
            case tree.Train():
                for arg in statement.args:
                    self._value(arg.value, self.root)
            case tree.Def():
                names = self.inside(statement)
                for param in statement.params:
                    self.found.append(Use(param.name, names[param.name.name]))
                    if param.default is not None:
                        self._flow(param.default, names)
                self._flow(statement.body, names)
                self.found += [Use(b.name, names[b.name.name]) for b in _steps(statement.body, statement)]

    def _name(self, name: tree.Name, names: Names) -> Bound | None:
        bound = names.get(name.name)
        if bound is not None or name.is_symbol:
            self.found.append(Use(name, bound))
        return bound

    def _flow(self, expr: tree.Expr, names: Names) -> None:
        """Record the names of an expression that may be a flow, whose calls may refer to bound names."""
        match expr:
            case tree.Call():
                self._call(expr, names)
            case tree.For():
                self._value(expr.values, names)
                self._flow(expr.body, self._turns(expr.targets, expr, names))
            case tree.Branches():
                for loop in expr.loops:
                    self._value(loop.values, names)
                    names = self._turns(loop.targets, loop, names)
                self._flow(expr.body, names)
            case _:
                self._parts(expr, names, self._flow)

    def _value(self, expr: tree.Expr, names: Names) -> None:
        """Record the names of a plain value, in which calls are Keras objects."""
        if isinstance(expr, tree.Call):
            for arg in expr.args:
                self._value(arg.value, names)
        else:
            self._parts(expr, names, self._value)

    def _parts(self, expr: tree.Expr, names: Names, walk: object) -> None:
        assert callable(walk)
        match expr:
            case tree.Name():
                self._name(expr, names)
            case tree.Attribute():
                self._name(expr.base, names)
            case tree.Group() | tree.Negative() | tree.As():
                walk(expr.body, names)
            case tree.Tuple() | tree.List():
                for item in expr.items:
                    walk(item, names)
            case tree.Flow():
                for step in expr.steps:
                    walk(step, names)
            case tree.Range():
                walk(expr.low, names)
                walk(expr.high, names)
            case tree.Arithmetic():
                walk(expr.first, names)
                for _, operand in expr.rest:
                    walk(operand, names)
            case tree.Call() | tree.For() | tree.Branches():
                self._flow(expr, names)

    def _turns(self, targets: tuple[tree.Name, ...], node: tree.Node, names: Names) -> dict[str, Bound]:
        """Record the names that a loop binds, and return all names in its body."""
        own = [Bound(target, "loop", node) for target in targets]
        self.found += [Use(bound.name, bound) for bound in own]
        return {**names, **{bound.name.name: bound for bound in own}}

    def _call(self, expr: tree.Call, names: Names) -> None:
        bound = self._name(expr.name, names)
        macro = bound.node if bound is not None and isinstance(bound.node, tree.Def) else None
        row = registry.find(expr.name.name) if bound is None and not expr.name.is_symbol else None
        place = 0
        for arg in expr.args:
            if macro is not None and arg.name is not None:
                self.found += [
                    Use(arg.name, Bound(p.name, "parameter", p, macro))
                    for p in macro.params
                    if p.name.name == arg.name.name
                ]
            takes = _takes(row, arg, place) if row is not None else ""
            place += arg.name is None and takes != "flag"
            if takes == "flag" or (expr.name.name == "in" and _is_dtype(arg.value)):
                continue
            if takes == "value":
                self._value(arg.value, names)
            else:
                self._flow(arg.value, names)


def _takes(row: Row, arg: tree.Argument, place: int) -> str:
    """Return the kind of a layer's argument: flag, value, layer or values of the graph; else ""."""
    word = arg.value.name if isinstance(arg.value, tree.Name) else ""
    if arg.name is not None:
        param = row.by_name.get(arg.name.name)
        return "" if param is None else "flag" if word in param.kind.flags else param.kind.takes
    if word in row.flags:
        return "flag"
    return row.by_place[place].kind.takes if place < len(row.by_place) else "value"


def _is_dtype(expr: tree.Expr) -> bool:
    return isinstance(expr, tree.Name) and expr.name in (*DTYPES, "int")


def _binds(statement: tree.Statement) -> Iterator[Bound]:
    """Yield the names that a statement binds for the whole spec."""
    match statement:
        case tree.Let():
            yield from (Bound(binding.name, "size", binding) for binding in statement.bindings)
        case tree.Search():
            yield from (Bound(domain.name, "size", domain) for domain in statement.domains)
        case tree.Def():
            yield Bound(statement.name, "macro", statement)
        case tree.Bind():
            yield Bound(statement.name, "flow", statement)
            yield from _steps(statement.value)
        case tree.Output():
            yield from _steps(statement.value)


def _steps(body: tree.Node, within: tree.Def | None = None) -> Iterator[Bound]:
    """Yield the names that ``as`` binds in a flow."""
    for node in tree.every(body):
        if isinstance(node, tree.As):
            yield Bound(node.name, "step", node, within)
