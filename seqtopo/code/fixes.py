"""Turn a fix of a spec into one of the Python text that the spec was read from.

An argument is put into a call, a layer is put into a list or before another call, or taken out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from seqtopo.code.layer_arguments import SHAPES
from seqtopo.code.model import CodeCall, CodeInput, CodeLayer, Piece, SpecText, Where
from seqtopo.code.parsing import begins_line, indent, insertion, is_python
from seqtopo.code.python_text import (
    PythonText,
    UntranslatableError,
    argument_of,
    given_to,
    is_bare_activation,
    item_spans,
    item_texts,
    joined,
    kind_of,
    last_name,
    line_end,
    row_of,
    same,
    shared_steps,
    steps_of,
    wrapped_by,
)
from seqtopo.code.words import (
    UnknownSymbolError,
    input_parts,
    value_text,
)
from seqtopo.diag.model import Edit, Fix
from seqtopo.layers.row import Param, Row
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse
from seqtopo.syntax.print import print_expr


class Fixer:
    """Fixes of one model's spec as fixes of its Python text."""

    def __init__(self, text: SpecText, symbols: Mapping[str, str]) -> None:
        self.text = text
        self.symbols = symbols

    def in_python(self, fix: Fix, source: Source) -> Fix | None:
        """Return the fix as edits of a Python text; None if there are none."""
        try:
            translation = _Translation(self.text, source, self._parsed_spec, self.symbols)
            edits = translation.edits(fix.apply(self.text.source.text))
        except (UntranslatableError, UnknownSymbolError):
            return None
        done = joined(edits)
        if not done:
            return None
        made = Fix(fix.title, done, fix.safe)
        breaks = not is_python(made.apply(source.text)) and is_python(source.text)
        return None if breaks else made

    @cached_property
    def _parsed_spec(self) -> tree.Spec:
        spec, _ = parse(self.text.source)
        if spec is None:
            raise UntranslatableError
        return spec


class _Translation:
    """The edits of one Python text that turn a spec into another one."""

    def __init__(self, text: SpecText, source: Source, old: tree.Spec, symbols: Mapping[str, str]) -> None:
        self.text = text
        self.symbols = symbols
        self.source = source
        layers = [p.layer.where for p in text.pieces if p.layer is not None and p.layer.where is not None]
        self.python = PythonText(source, symbols, layers)
        self.old = old
        self.made: list[Edit] = []

    def edits(self, after: str) -> list[Edit]:
        new, found = parse(Source(after))
        if new is None or found or len(new.statements) != len(self.old.statements):
            raise UntranslatableError
        for one, other in zip(self.old.statements, new.statements, strict=True):
            if print_expr(one) != print_expr(other):
                self._statement(one, other)
        return [*self.made, *self.python.made]

    def _statement(self, old: tree.Statement, new: tree.Statement) -> None:
        if isinstance(old, tree.Train) and isinstance(new, tree.Train):
            self._train(old, new)
            return
        if not isinstance(old, (tree.Bind, tree.Output)) or not isinstance(new, (tree.Bind, tree.Output)):
            raise UntranslatableError
        before, after = steps_of(old.value), steps_of(new.value)
        head = shared_steps(before, after)
        tail = min(shared_steps(before[::-1], after[::-1]), len(before) - head, len(after) - head)
        last, rest = len(before) - tail, after[head : len(after) - tail]
        if last == head:
            self._insert(before, head, rest)
        else:
            self._replace(before, head, last, rest)

    def _replace(self, steps: Sequence[tree.Expr], i1: int, i2: int, new: Sequence[tree.Expr]) -> None:
        old = steps[i1:i2]
        if len(old) == len(new):
            for one, other in zip(old, new, strict=True):
                if not same(one, other):
                    self._change(one, other)
            return
        # Each old step is matched with the first new one of its kind; the others are inserted around it.
        rest = list(new)
        for i, one in enumerate(old, i1):
            at = next((j for j, other in enumerate(rest) if kind_of(other) == kind_of(one)), None)
            if at is None:
                if len(old) == 1 and new:
                    raise UntranslatableError
                self._remove(one)
                continue
            if rest[:at]:
                self._insert(steps, i, rest[:at])
            if print_expr(rest[at]) != print_expr(one):
                self._change(one, rest[at])
            rest = rest[at + 1 :]
        if rest:
            self._insert(steps, i2, rest)

    # ---- one step ------------------------------------------------------------------------------------

    def _piece(self, node: tree.Expr) -> Piece:
        wanted = ("step", "layer", "input", "name")
        for piece in self.text.pieces:
            if piece.span == node.span and piece.kind in wanted:
                return piece
        raise UntranslatableError

    def _change(self, old: tree.Expr, new: tree.Expr) -> None:
        if isinstance(old, tree.List):
            self._change_list(old, new)
            return
        piece = self._piece(old)
        if piece.kind == "input" and piece.input is not None:
            self._change_input(piece.input, old, new)
        elif piece.layer is not None and piece.kind != "name":
            self._change_layer(piece.layer, piece.call, old, new)
        else:
            raise UntranslatableError

    def _change_layer(self, layer: CodeLayer, call: CodeCall | None, old: tree.Expr, new: tree.Expr) -> None:
        where = self.python.mine(layer.where)
        if where.span in self._repeated_places:
            raise UntranslatableError  # a loop or a function makes other layers there, too
        row, other = row_of(old), row_of(new)
        if row is not None and row is other and not is_bare_activation(old):
            self._change_arguments(layer, call, row, old, new)
            return
        wrapped = wrapped_by(new)
        if wrapped is not None and same(wrapped, old):
            made = self.python.spelled(new, where, hole="\0").split("\0")
            if len(made) != 2:
                raise UntranslatableError
            shape = self._shape_moved(layer, call)
            end = f", {shape}{made[1]}" if shape else made[1]
            self.made.append(insertion(where.span.start, made[0]))
            self.made.append(insertion(where.span.end, end))
            return
        inner = layer.args.get("layer")
        if wrapped_by(old) is not None and same(wrapped_by(old), new) and inner is not None:
            place = self.python.mine(inner.where)
            self.made.append(Edit(Span(where.span.start, place.span.start), ""))
            self.made.append(Edit(Span(place.span.end, where.span.end), ""))
            return
        self.made.append(Edit(where.span, self.python.spelled(new, where)))

    def _change_arguments(
        self, layer: CodeLayer, call: CodeCall | None, row: Row, old: tree.Expr, new: tree.Expr
    ) -> None:
        before, after = given_to(row, old), given_to(row, new)
        for key, (param, value) in after.items():
            if key in before and value_text(before[key][1]) == value_text(value):
                continue
            if param.kind.takes == "layer" and isinstance(value, (tree.Call, tree.Name)):
                inner = layer.args.get(param.keras_name)
                if inner is None or not isinstance(inner.value, CodeLayer) or key not in before:
                    raise UntranslatableError
                self._change_layer(inner.value, None, before[key][1], value)
            elif param.kind.takes != "value":
                raise UntranslatableError
            else:
                self._set(layer, call, param, value)
        for key in before.keys() - after.keys():
            self._unset(layer, call, before[key][0])

    def _set(self, layer: CodeLayer, call: CodeCall | None, param: Param, value: object) -> None:
        """Give an argument in the call of a layer, or where the layer is made."""
        owner = call if param.call and call is not None else layer
        given = argument_of(owner.args, param)
        text = value_text(value, self.python.style)
        if given is not None and given.where is not None:
            self.made.append(Edit(self.python.mine(given.where).span, text))
            return
        if given is not None:
            raise UntranslatableError  # it comes from elsewhere, such as **kwargs
        self._put_argument(self.python.mine(owner.where), f"{param.keras_name}={text}")

    def _unset(self, layer: CodeLayer, call: CodeCall | None, param: Param) -> None:
        owner = call if param.call and call is not None else layer
        given = argument_of(owner.args, param)
        if given is None or given.whole is None:
            raise UntranslatableError
        self._take_out(self.python.mine(given.whole), self.python.mine(owner.where))

    def _shape_moved(self, layer: CodeLayer, call: CodeCall | None) -> str:
        """Take the input's shape out of the layer that had to say it, and return it; "" where none has."""
        given = [
            argument for key, argument in layer.args.items() if key in SHAPES and argument.whole is not None
        ]
        if call is None or not given or not any(isinstance(v.of, CodeInput) for v in call.inputs):
            return ""
        whole = self.python.mine(given[0].whole)
        if len(given) > 1 or not re.match(r"(batch_)?(input_)?shape\s*=", whole.text):
            raise UntranslatableError
        self._take_out(whole, self.python.mine(layer.where))
        return whole.text

    def _take_out(self, place: Where, of: Where) -> None:
        """Take an argument out of a call."""
        node = self.python.call_at(of)
        args = self.python.argument_spans(node)
        at = next((i for i, span in enumerate(args) if span == place.span), None)
        if at is None:
            raise UntranslatableError
        if at < len(node.node.args) - 1:
            raise UntranslatableError  # those behind it would move up
        if at > 0:
            self.made.append(Edit(Span(args[at - 1].end, place.span.end), ""))
        elif len(args) > 1:
            self.made.append(Edit(Span(place.span.start, args[1].start), ""))
        else:
            self.made.append(Edit(place.span, ""))

    def _put_argument(self, place: Where, written: str) -> None:
        node = self.python.call_at(place)
        if last_name(node.node.func) == "Lambda":
            raise UntranslatableError  # what it does stands in a function
        args = self.python.argument_spans(node)
        if args:
            self.made.append(insertion(args[-1].end, f", {written}"))
            return
        end = place.span.end - 1
        self.made.append(insertion(end, written))

    # ---- inputs --------------------------------------------------------------------------------------

    def _change_input(self, given: CodeInput, old: tree.Expr, new: tree.Expr) -> None:
        if not isinstance(old, tree.Call) or not isinstance(new, tree.Call):
            raise UntranslatableError
        before, after = input_parts(old, self.python.style), input_parts(new, self.python.style)
        if before["shape"] != after["shape"]:
            place = self.python.mine(given.shape_where)
            text = place.text.strip()
            if not text.startswith(("(", "[")):
                raise UntranslatableError
            made = after["shape"]
            if given.tensor is None or len(item_spans(place)) == len(given.tensor.shape) + 1:
                raise UntranslatableError  # a shape with its batch axis
            if not self._sizes_changed(place, before["shape"], made):
                self.made.append(Edit(place.span, f"[{made[1:-1].rstrip(',')}]" if text[0] == "[" else made))
        if before | {"shape": ""} == after | {"shape": ""}:
            return
        if before.keys() - after.keys() or "batch_size" in after:
            raise UntranslatableError
        place = self.python.mine(given.where)
        if last_name(self.python.call_at(place).node.func) not in ("Input", "InputLayer"):
            raise UntranslatableError
        for key in after.keys() - before.keys():
            self._put_argument(place, f"{key}={after[key]}")

    def _sizes_changed(self, place: Where, before: str, after: str) -> bool:
        """Change only the sizes that differ, if the text has the same number of them."""
        spans, old, new = item_spans(place), item_texts(before), item_texts(after)
        if not len(spans) == len(old) == len(new):
            return False
        for span, one, other in zip(spans, old, new, strict=True):
            if one != other:
                self.made.append(Edit(span, other))
        return True

    # ---- steps more, steps less ----------------------------------------------------------------------

    def _insert(self, steps: Sequence[tree.Expr], at: int, new: Sequence[tree.Expr]) -> None:
        """Put steps before the step at a place, or behind the last one."""
        before = at < len(steps) and not self._is_head(steps[at])
        if not before and at == 0:
            raise UntranslatableError
        call = self._piece(steps[at if before else at - 1]).call
        if call is None or call.layer.part_of is not None:
            raise UntranslatableError
        if call.form != "call":
            self._line(call, new, before=before)
            return
        place = self.python.mine(call.where)
        span = place.span
        if before:
            node = self.python.call_at(place)
            args = node.node.args
            if len(args) != 1 or (len(call.inputs) != 1 and not isinstance(args[0], ast.List)):
                raise UntranslatableError
            span = node.span(args[0])
        self._around(span, new, place)

    def _is_head(self, node: tree.Expr) -> bool:
        return isinstance(node, tree.List) or self._piece(node).kind in ("input", "name")

    def _around(self, span: Span, new: Sequence[tree.Expr], place: Where) -> None:
        """Apply steps to the value of a piece of the text."""
        head, tail = "", ""
        for step in new:
            made = self.python.applied(step, place)
            before, _, after = made.partition("\0")
            head, tail = before + head, tail + after
        self.made += [insertion(span.start, head), insertion(span.end, tail)]

    def _line(self, call: CodeCall, new: Sequence[tree.Expr], *, before: bool) -> None:
        """Write steps as items of the list, or as lines of ``model.add``."""
        layer = self.python.mine(call.layer.where)
        if layer.span in self._repeated_places:
            raise UntranslatableError
        made = [self.python.spelled(step, layer) for step in new]
        shape = self._shape_moved(call.layer, call) if before else ""
        if shape:
            made[0] = f"{made[0][:-1]}{', ' * (made[0][-2] != '(')}{shape})"
        text = self.source.text
        if call.form == "add":
            statement = self.python.mine(call.statement)
            if not (statement.span.start <= layer.span.start and layer.span.end <= statement.span.end):
                raise UntranslatableError
            head = text[statement.span.start : layer.span.start]
            tail = text[layer.span.end : statement.span.end]
            if "\n" in head or "\n" in tail:
                head, tail = head.strip(), ")"
            joint = "\n" + indent(text, statement.span.start)
            lines = [f"{head}{one}{tail}" for one in made]
            written = "".join(f"{one}{joint}" if before else f"{joint}{one}" for one in lines)
            self.made.append(insertion(statement.span.start if before else statement.span.end, written))
            return
        start, end = layer.span
        joint = f",\n{indent(text, start)}" if begins_line(text, start) else ", "
        written = "".join(f"{one}{joint}" if before else f"{joint}{one}" for one in made)
        self.made.append(insertion(start if before else end, written))

    def _remove(self, step: tree.Expr) -> None:
        piece = self._piece(step)
        call = piece.call
        if (
            call is None
            or piece.kind != "step"
            or self.python.mine(call.layer.where).span in self._repeated_places
        ):
            raise UntranslatableError
        text = self.source.text
        if call.form == "call":
            place = self.python.mine(call.where)
            node = self.python.call_at(place)
            if len(node.node.args) != 1 or node.node.keywords or len(call.inputs) != 1:
                raise UntranslatableError
            inner = node.span(node.node.args[0])
            whole = self.python.without_assignment(self.python.mine(call.statement), place.span, inner)
            if whole is not None:
                self.made += whole
                return
            self.made.append(Edit(Span(place.span.start, inner.start), ""))
            self.made.append(Edit(Span(inner.end, place.span.end), ""))
            return
        if call.form == "add":
            self.made.append(Edit(self.python.lines_of(self.python.mine(call.statement)), ""))
            return
        layer = self.python.mine(call.layer.where)
        comma = re.compile(r"\s*,[ \t]*").match(text, layer.span.end)
        if comma is None:
            raise UntranslatableError
        start, end = layer.span.start, comma.end()
        behind = text[end : line_end(text, end)].strip()
        if begins_line(text, start) and (not behind or behind.startswith("#")):
            start, end = self.source.start_of(self.source.place(start).line), line_end(text, end) + 1
        self.made.append(Edit(Span(start, end), ""))

    # ---- what comes into a call as a list ------------------------------------------------------------

    def _change_list(self, old: tree.List, new: tree.Expr) -> None:
        """Swap the values of a list, or put steps behind one of them."""
        if not isinstance(new, tree.List) or len(new.items) != len(old.items):
            raise UntranslatableError
        call = self._call_of_list(old)
        node = self.python.call_at(self.python.mine(call.where))
        args = node.node.args
        values: Sequence[ast.expr] = args
        if len(args) == 1 and isinstance(args[0], (ast.List, ast.Tuple)):
            values = args[0].elts
        if len(values) != len(old.items):
            raise UntranslatableError
        texts = {print_expr(item): node.span(value) for item, value in zip(old.items, values, strict=True)}
        source = self.source.text
        for item, other, value in zip(old.items, new.items, values, strict=True):
            written = print_expr(other)
            span = node.span(value)
            if written == print_expr(item):
                continue
            if written in texts:
                taken = texts[written]
                self.made.append(Edit(span, source[taken.start : taken.end]))
            elif isinstance(other, tree.Flow) and print_expr(other.steps[0]) == print_expr(item):
                self._around(span, other.steps[1:], self.python.mine(call.where))
            else:
                raise UntranslatableError

    def _call_of_list(self, node: tree.Expr) -> CodeCall:
        """Return the call that takes the values of a list."""
        behind = [
            p for p in self.text.pieces if p.kind == "step" and p.span.start >= node.span.end and p.call
        ]
        if not behind or behind[0].call is None:
            raise UntranslatableError
        return behind[0].call

    # ---- training ------------------------------------------------------------------------------------

    def _train(self, old: tree.Train, new: tree.Train) -> None:
        before = {arg.name.name if arg.name else "": arg for arg in old.args}
        after = {arg.name.name if arg.name else "": arg for arg in new.args}
        if before.keys() != after.keys():
            raise UntranslatableError
        made = next((t for t in reversed(self.text.model.training) if t.method == "compile"), None)
        for key, arg in after.items():
            if print_expr(arg) == print_expr(before[key]):
                continue
            given = made.args.get(key) if made is not None else None
            if given is None or given.where is None or key not in ("loss", "metrics", "weighted_metrics"):
                raise UntranslatableError
            place = self.python.mine(given.where)
            if not isinstance(given.value, str) or not isinstance(arg.value, tree.Name):
                raise UntranslatableError
            self.made.append(
                Edit(place.span, f"{self.python.style.quote}{arg.value.name}{self.python.style.quote}")
            )

    @cached_property
    def _repeated_places(self) -> set[Span]:
        """The places of the text that make several layers, as in a loop."""
        made: dict[Span, set[int]] = {}
        for piece in self.text.pieces:
            layer = piece.layer
            if layer is not None and layer.where is not None and piece.kind in ("step", "layer"):
                made.setdefault(layer.where.span, set()).add(id(layer))
        return {span for span, layers in made.items() if len(layers) > 1}
