"""Write a model that was read from Keras code as a spec, and keep where in the Python text each part stands.

The spec is plain: every layer call is one step, a layer that is called several times is bound once, and
nothing is folded. What cannot be told from the code is left out, with all that follows from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqtopo.code.model import (
    LAYER,
    VALUE,
    Argument,
    CodeCall,
    CodeInput,
    CodeLayer,
    CodeModel,
    CodeTensor,
    Opaque,
    Piece,
    SpecText,
)
from seqtopo.code.spec_arguments import (
    SECOND_VALUES,
    UnknownError,
    argument_of,
    is_named,
    merges_states,
    name_expr,
    note_inners,
    parameter,
    plain_of,
    primaries,
    read_arguments,
    read_value,
    second_values,
    tensors_in,
    tensors_of,
    train_arguments,
    units_of,
)
from seqtopo.code.words import parameter_of
from seqtopo.decompiler import writing
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import REQUIRED
from seqtopo.layers.values import Tensor
from seqtopo.layers.wrappers import merging_row
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.print import print_expr

FOLLOWS = "follows what is not known"
"""The reason why a layer is left out behind another one that is."""


def spec_text(model: CodeModel) -> SpecText | None:
    """Return the spec of a model; None if nothing of it can be told."""
    return _Writer(model).written()


class _Text:
    """The text of a spec while it is written, with the places of its parts."""

    def __init__(self, pieces: list[Piece]) -> None:
        self.text = ""
        self.pieces = pieces

    def put(self, text: str) -> Span:
        start = len(self.text)
        self.text += text
        return Span(start, len(self.text))


@dataclass
class _Chain:
    """Consecutive steps: the inputs of the first one, and the calls."""

    head: list[str]
    input: CodeInput | None = None
    calls: list[CodeCall] = field(default_factory=list)
    name: str = ""
    guessed: bool = False


class _Writer:
    def __init__(self, model: CodeModel) -> None:
        self.model = model
        self.pieces: list[Piece] = []
        self.out = _Text(self.pieces)
        self.result = SpecText(Source(""), model, self.pieces)
        self.calls = list(dict.fromkeys(model.calls))
        self.layers: dict[int, dict[str, Any]] = {}
        self.chains: list[_Chain] = []
        self.ends: dict[tuple[int, int], _Chain] = {}
        """The chain that each value ends."""
        self.numbers = Counter[str]()
        self.left_out: set[int] = set()
        self.hidden: dict[int, CodeCall] = {}

    def written(self) -> SpecText | None:
        for given in self.model.inputs:
            if given.tensor is not None:
                self._begin(given, given, 0)
        self._merged_states()
        uses = self._uses()
        for call in self.calls:
            if id(call) not in self.hidden:
                self._call(call, uses)
        outputs = self._outputs()
        shown = [chain for chain in self.chains if chain.calls or chain.input is not None]
        if not any(chain.calls for chain in shown):
            return None
        shared = self._shared(shown)
        self._put_layers(shared)
        last = self._last(shown, outputs)
        order = {id(call): i for i, call in enumerate(self.calls)}
        shown.sort(key=lambda c: order[id(c.calls[-1])] if c.calls else -1)
        ends = bool(shown) and shown[-1] is last
        for chain in shown:
            self._put_chain(chain, shared, named=chain is not last or not ends)
        if last is not None and last in shown and not ends:
            self.out.put(f"{self._name(last)}\n")
        elif last is None:
            self.out.put(f"[{', '.join(outputs)}]\n" if len(outputs) > 1 else f"{outputs[0]}\n")
        if self.result.whole:
            self._train()
        self.result.source = Source(self.out.text)
        return self.result

    # ---- values --------------------------------------------------------------------------------------

    def _begin(self, given: CodeInput, of: CodeCall | CodeInput, output: int) -> _Chain:
        """Return the chain of an input for a value of the code; of another one that no spec can say."""
        chain = _Chain([], given, guessed=given is not of)
        self.chains.append(chain)
        self.ends[id(of), output] = chain
        return chain

    def _uses(self) -> Counter[int]:
        """Return the number of uses of each call's or input's value; with 2 or more it needs a name."""
        uses: Counter[int] = Counter()
        for call in self.calls:
            if id(call) in self.hidden:
                continue
            uses.update({id(t.of) for t in call.inputs})
            for _, tensors in tensors_of(call):
                # A value that is passed as a named argument needs a name.
                uses.update({id(t.of): 2 for t in tensors})
            # Among several inputs, a value that is given twice needs a name.
            counted = Counter(id(t.of) for t in call.inputs if t.output == 0)
            uses.update({of: 1 for of, n in counted.items() if n > 1})
            uses.update({id(t.of): 2 for t in call.inputs if t.output > 0})
        uses.update({id(t.of) for t in self.model.outputs})
        return uses

    def _ref(self, tensors: Sequence[CodeTensor]) -> list[tuple[str, _Chain]]:
        """Return the texts for some values, each with its chain.

        Several values of one layer may be one text.
        """
        found: list[tuple[str, _Chain]] = []
        rest = list(tensors)
        while rest:
            first = rest[0]
            chain = self.ends.get((id(first.of), first.output))
            count = primaries(first.of)
            if first.output == 0 and count > 1 and isinstance(first.of, CodeCall):
                whole = [CodeTensor(first.of, i) for i in range(count)]
                if chain is not None and rest[:count] == whole:
                    del rest[:count]
                    found.append((self._name(chain), chain))
                    continue
                chain = None
            elif first.output >= count and isinstance(first.of, CodeCall):
                main = self.ends.get((id(first.of), 0))
                extra, many = second_values(first.of)
                whole = [CodeTensor(first.of, count + i) for i in range(many)]
                if main is not None and extra and rest[:many] == whole:
                    del rest[:many]
                    found.append((f"{self._name(main)}.{extra}", main))
                    continue
            if chain is None:
                chain = self._alone(first)
            del rest[0]
            found.append((self._name(chain), chain))
        return found

    def _alone(self, tensor: CodeTensor) -> _Chain:
        """Return the chain of one of several values, or of an opaque layer's output: a new input."""
        of = tensor.of
        if isinstance(of, CodeCall):
            if of.gives is not None and tensor.output < len(of.gives):
                shape = of.gives[tensor.output]
                return self._begin(CodeInput(shape, where=of.where), of, tensor.output)
            extra, _ = second_values(of)
            units = units_of(of.layer)
            if extra == "state" and units is not None and id(of) not in self.left_out:
                return self._begin(CodeInput(Tensor((units,)), where=of.where), of, tensor.output)
        self.result.whole = False
        raise UnknownError

    def _name(self, chain: _Chain) -> str:
        if not chain.name:
            self.numbers[VALUE] += 1
            chain.name = f"{VALUE}{self.numbers[VALUE]}"
            of: CodeCall | CodeInput | None = chain.calls[-1] if chain.calls else chain.input
            if of is not None:
                self.result.values[chain.name] = CodeTensor(of)
        return chain.name

    def _call(self, call: CodeCall, uses: Mapping[int, int]) -> None:
        layer = call.layer
        try:
            if layer.row is None:
                raise UnknownError
            if id(layer) not in self.layers:
                self.layers[id(layer)] = read_arguments(layer)
            taken = [
                *call.inputs,
                *(t for name, ts in tensors_of(call) if not is_named(layer, name) for t in ts),
            ]
            if not taken:
                raise UnknownError
            refs = self._ref(taken)
            for name, tensors in tensors_of(call):
                if is_named(layer, name):
                    self._ref(self._unmerged(tensors))
        except UnknownError:
            self.left_out.add(id(call))
            self.result.whole = False
            why = f"{layer.kind}: {layer.why}" if layer.row is None else f"{layer.kind} {FOLLOWS}"
            self.result.left_out.append(Opaque(why, call.where))
            return
        came = refs[0][1]
        alone = len(refs) == 1 and refs[0][0] == self._name(came) and not came.guessed
        if alone and came.input is not None and len(self.model.inputs) > 1 and not came.calls:
            alone = False
        if alone and uses[id(taken[0].of)] == 1 and self._ends_with(came, taken[0]):
            chain = came
            # Its end has no name, as it goes on.
            self.result.values.pop(chain.name, None)
            chain.name = ""
        else:
            chain = _Chain([ref for ref, _ in refs])
            self.chains.append(chain)
        chain.calls.append(call)
        self.ends[id(call), 0] = chain

    def _ends_with(self, chain: _Chain, tensor: CodeTensor) -> bool:
        of = chain.calls[-1] if chain.calls else chain.input
        return of is tensor.of and tensor.output == 0

    def _outputs(self) -> list[str]:
        found: list[str] = []
        for tensor in self.model.outputs:
            try:
                if tensor.output > 0:
                    self._second_output(tensor, found)
                else:
                    found += [ref for ref, _ in self._ref([tensor])]
            except UnknownError:
                self.result.whole = False
        return found

    def _second_output(self, tensor: CodeTensor, found: list[str]) -> None:
        """Write the states among the outputs: all together, or one by one as inputs of their shape."""
        of = tensor.of
        extra, many = second_values(of) if isinstance(of, CodeCall) else ("", 0)
        mine = [t for t in self.model.outputs if t.of is of and t.output > 0]
        main = self.ends.get((id(of), 0))
        if extra and len(mine) == many and main is not None:
            name = f"{self._name(main)}.{extra}"
            found += [] if name in found else [name]
        else:
            found += [ref for ref, _ in self._ref([tensor])]

    def _last(self, shown: Sequence[_Chain], outputs: list[str]) -> _Chain | None:
        """Return the chain that is the model's only output; None if there are several."""
        if not outputs:
            self.result.whole = False
            return [chain for chain in shown if chain.calls][-1]
        by_name = {chain.name: chain for chain in shown if chain.name}
        return by_name.get(outputs[0]) if len(outputs) == 1 else None

    def _merged_states(self) -> None:
        """Hide the calls that merge the states of both directions where they only start another layer."""
        given: dict[int, CodeCall] = {}
        for call in self.calls:
            starts = dict(tensors_of(call)).get("initial_state", ())
            merges = [t.of for t in starts if isinstance(t.of, CodeCall)]
            if len(merges) != len(starts) or not merges or not all(merges_states(m) for m in merges):
                continue
            reader = merges[0].inputs[0].of
            if not isinstance(reader, CodeCall) or second_values(reader)[1] != 2 * len(merges):
                continue
            first = primaries(reader)
            wanted = [
                (CodeTensor(reader, first + i), CodeTensor(reader, first + i + len(merges)))
                for i in range(len(merges))
            ]
            row = merging_row(plain_of(reader.layer.args.get("merge_mode"), "concat"))
            same = all(m.layer.row is not None and m.layer.row.name == row for m in merges)
            if same and [m.inputs for m in merges] == wanted:
                for merge in merges:
                    given[id(merge)] = reader
        taken = {id(t.of) for call in self.calls for t in call.inputs} | {
            id(t.of) for t in self.model.outputs
        }
        self.hidden = {merge: reader for merge, reader in given.items() if merge not in taken}

    # ---- writing -------------------------------------------------------------------------------------

    def _shared(self, shown: Sequence[_Chain]) -> dict[int, str]:
        """Return the names of the layers that are called more than once."""
        calls = Counter(id(call.layer) for chain in shown for call in chain.calls)
        names: dict[int, str] = {}
        for chain in shown:
            for call in chain.calls:
                if calls[id(call.layer)] > 1 and id(call.layer) not in names:
                    names[id(call.layer)] = f"{LAYER}{len(names) + 1}"
                    self.result.layers[names[id(call.layer)]] = call.layer
        return names

    def _put_layers(self, shared: Mapping[int, str]) -> None:
        for name, layer in self.result.layers.items():
            self.out.put(f"{name} = ")
            span = self._put_step(layer, None)
            self.pieces.append(Piece(span, "layer", layer.where, layer=layer))
            self.out.put("\n")

    def _put_chain(self, chain: _Chain, shared: Mapping[int, str], named: bool) -> None:
        if named:
            self.out.put(f"{self._name(chain)} = ")
        if chain.input is not None:
            span = self._put_input(chain.input, chain.guessed)
            if chain.guessed:
                self.result.guessed.append(span)
        else:
            several = len(chain.head) != 1
            self.out.put("[" * several)
            for i, name in enumerate(chain.head):
                self.out.put(", " if i else "")
                self._put_name(name)
            self.out.put("]" * several)
        for call in chain.calls:
            self.out.put(" -> ")
            span = self._put_step(call.layer, call, shared.get(id(call.layer), ""))
            self.pieces.append(Piece(span, "step", call.where, call, call.layer))
        self.out.put("\n")

    def _put_name(self, name: str) -> None:
        span = self.out.put(name)
        value = self.result.values.get(name.partition(".")[0])
        if value is not None:
            call = value.of if isinstance(value.of, CodeCall) else None
            layer = call.layer if call is not None else None
            given = value.of if isinstance(value.of, CodeInput) else None
            self.pieces.append(Piece(span, "name", value.of.where, call, layer, given))

    def _put_input(self, given: CodeInput, guessed: bool) -> Span:
        assert given.tensor is not None
        written = writing.source(given.tensor, None if guessed else given.batch, {})
        start = len(self.out.text)
        self.out.put("in(")
        begin = len(self.out.text)
        end = begin
        for i, arg in enumerate(written.args):
            self.out.put("," if i else "")
            self.out.put(print_expr(arg))
            if i + 1 == len(given.tensor.shape):
                end = len(self.out.text)
        self.out.put(")")
        span = Span(start, len(self.out.text))
        self.pieces.append(Piece(span, "input", given.where, input=given))
        if not guessed:
            self.pieces.append(Piece(Span(begin, end), "shape", given.shape_where, input=given))
        return span

    def _put_step(self, layer: CodeLayer, call: CodeCall | None, name: str = "") -> Span:
        """Write a layer, with the arguments of its call; or its name with those alone."""
        assert layer.row is not None
        plain: dict[str, Any] = {}
        given: dict[str, tree.Expr] = {}
        written_by: dict[str, Argument] = {}
        if call is not None:
            for key, argument in call.args.items():
                param = parameter(layer.row, key)
                if param is None or not param.call or key in SECOND_VALUES:
                    continue
                written_by[param.name] = argument
                tensors = tensors_in(argument.value)
                if tensors and param.kind.takes in ("tensor", "tensors"):
                    refs = [ref for ref, _ in self._ref(self._unmerged(tensors))]
                    values = tuple(name_expr(ref) for ref in refs)
                    given[param.name] = values[0] if len(values) == 1 else tree.List(writing.NOWHERE, values)
                elif param.kind.takes == "value":
                    value = read_value(param, argument.value)
                    if value is not REQUIRED:
                        plain[param.name] = value
        nodes: dict[int, CodeLayer] = {}

        def inside(inner: Any) -> tree.Expr:
            made = writing.layer(inner, (), inside, {}, {})
            nodes[id(made)] = inners_of[id(inner)]
            return made

        inners_of: dict[int, CodeLayer] = {}
        arguments = self.layers[id(layer)]
        note_inners(layer, arguments, inners_of)
        if name:
            args = writing.arguments(Layer(layer.row), plain, given)
            step: tree.Expr = writing.call(name, args) if args else writing.name(name)
        else:
            made = {k: v for k, v in arguments.items() if not k.startswith("*")}
            step = writing.layer(Layer(layer.row, made), (), inside, plain, given)
        return self._put_expr(step, layer, call, nodes, written_by)

    def _unmerged(self, tensors: tuple[CodeTensor, ...]) -> tuple[CodeTensor, ...]:
        """Return the states that merged states were made of."""
        reader = next((self.hidden[id(t.of)] for t in tensors if id(t.of) in self.hidden), None)
        if reader is None:
            return tensors
        first, (_, many) = primaries(reader), second_values(reader)
        return tuple(CodeTensor(reader, first + i) for i in range(many))

    def _put_expr(
        self,
        step: tree.Expr,
        layer: CodeLayer,
        call: CodeCall | None,
        nodes: Mapping[int, CodeLayer],
        written_by: Mapping[str, Argument],
    ) -> Span:
        """Write a step, argument by argument, so that the place of each is known."""
        if not isinstance(step, tree.Call) or layer.row is None:
            return self.out.put(print_expr(step))
        start = len(self.out.text)
        self.out.put(f"{step.name.name}(")
        place = 0
        for i, arg in enumerate(step.args):
            self.out.put("," if i else "")
            param, _, place = parameter_of(layer.row, arg, place)
            begin = len(self.out.text)
            inner = nodes.get(id(arg.value))
            if inner is not None:
                self.out.put(f"{arg.name.name}=" if arg.name else "")
                span = self._put_expr(arg.value, inner, None, nodes, {})
                self.pieces.append(Piece(span, "layer", inner.where, call, inner))
            else:
                self.out.put(print_expr(arg))
            if param is not None:
                given = written_by.get(param.name) or argument_of(layer, param)
                where = given.whole or given.where if given is not None else None
                key = param.keras_name or param.name
                span = Span(begin, len(self.out.text))
                if inner is None:
                    self.pieces.append(Piece(span, "argument", where or layer.where, call, layer, key=key))
        self.out.put(")")
        return Span(start, len(self.out.text))

    # ---- training ------------------------------------------------------------------------------------

    def _train(self) -> None:
        made = next(
            (t for t in reversed(self.model.training) if t.method == "compile" and not t.is_past), None
        )
        args = train_arguments(made, self.model.output_names) if made is not None else []
        if made is None or not args:
            return
        self.out.put("train ")
        for i, (key, expr) in enumerate(args):
            self.out.put(", " if i else "")
            begin = len(self.out.text)
            self.out.put(print_expr(writing.argument(expr, "" if key == "optimizer" else key)))
            argument = made.args[key]
            span = Span(begin, len(self.out.text))
            self.pieces.append(Piece(span, "train", argument.whole or argument.where or made.where, key=key))
        self.out.put("\n")
