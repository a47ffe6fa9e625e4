"""Read a model's configuration to a graph: each call becomes a node, or an input if no spec can say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from seqtopo.decompiler import automatic
from seqtopo.decompiler.calls import Call, Calls, Ref, calls_of, merging_states, refs_in
from seqtopo.decompiler.files import as_dict, as_list, shown
from seqtopo.decompiler.layers import NoRowError, Read, make, read_layer, settle, trains_otherwise
from seqtopo.decompiler.losses import Losses, wrong
from seqtopo.decompiler.operations import match, resolve
from seqtopo.decompiler.progress import Decoded, ModelCalls, Part, Progress
from seqtopo.decompiler.slices import why_not
from seqtopo.decompiler.values import UnsayableError, plain, plain_dtype
from seqtopo.graph.graph import Bundle, Graph, Node, SubModel, Value, infer
from seqtopo.layers.layer import Layer
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import LIMIT
from seqtopo.layers.values import DTYPES, Refusal, Tensor
from seqtopo.source import Span

NOWHERE = Span(0, 0)
MODELS = ("Functional", "Sequential", "Model")
"""The classes of models that are made of a graph of layers."""
RNN_CALL = ("initial_state", "mask", "training")
POSITIONAL: Mapping[str, tuple[str, ...]] = {
    "MultiHeadAttention": ("query_mask", "value_mask", "key_mask", "attention_mask"),
    "Softmax": ("mask",),
    "ReversibleEmbedding": ("reverse",),
}
"""The positional arguments of Keras' calls behind the values; recurrent layers take ``RNN_CALL``."""
VALUES = ("inputs", "sequences", "query", "value", "key", "x")
"""The names of the values in Keras' calls, in their order."""


def read_model(config: Mapping[str, Any], losses: Losses) -> Decoded:
    """Return the graph of a serialized model."""
    progress = Progress(losses)
    kind = config.get("class_name")
    if kind is None:
        raise wrong("it holds no model: it has no class_name", "give what model.to_json() says")
    if kind not in MODELS:
        raise wrong(
            f"the model is of the class {shown(kind)}, which is code: its configuration has no graph",
            "only Sequential and functional models can be read from their configuration",
        )
    body = as_dict(config.get("config"), "the model's config")
    name = body.get("name")
    progress.decoded.name = name if isinstance(name, str) else "model"
    graph = progress.decoded.graph
    graph.name = progress.decoded.name
    _model(progress, config, graph, None, ())
    return progress.decoded


def _model(
    progress: Progress,
    config: Mapping[str, Any],
    graph: Graph,
    incoming: Bundle | None,
    path: tuple[Any, ...],
) -> Bundle:
    """Return the outputs of a model; ``incoming`` are the values of its inputs if it is an inner one."""
    calls = calls_of(config, incoming is not None)
    walk = Walk(progress, graph, path)
    walk.merging_states = merging_states(calls)
    if incoming is not None:
        if len(incoming) != len(calls.inputs):
            raise wrong(f"a model is called with {len(incoming)} values, but has {len(calls.inputs)} inputs")
        for ref, value in zip(calls.inputs, incoming, strict=True):
            walk.values[ref] = value
    else:
        for ref in calls.inputs:
            walk.input(calls.by_ref[ref])
        taken = Counter(ref for call in calls.ordered for ref in refs_in([call.args, call.kwargs]))
        walk.ends = frozenset(ref for ref in calls.outputs if not taken[ref])
    noted = progress.noted.setdefault(id(graph), [])
    for call in calls.ordered:
        if call.is_input and call.ref in walk.values:
            continue
        with progress.losses.apart() as found:
            walk.call(call)
        if call.ref in walk.values:
            noted += [(walk.values[call.ref].node, d) for d in found]
    with progress.losses.apart() as found:
        outputs = walk.whole(tuple(v for ref in calls.outputs for v in walk.needed(ref, "an output")))
    noted += [(v.node, d) for v in outputs[-1:] for d in found]
    if incoming is None:
        behind = set(graph.ancestors(outputs))
        declared = [walk.values[ref].node for ref in calls.inputs]
        for ref in calls.inputs:
            if not taken[ref] and ref not in calls.outputs:
                progress.losses.add(
                    "ST504", f"nothing takes the input {shown(ref.layer)}: the spec's model is without it"
                )
        _tell_keys(calls, progress.losses)
        progress.decoded.output_keys = calls.output_keys
        inputs = [*declared, *(i for i in sorted(behind) if graph.nodes[i].layer is None)]
        graph.inputs = tuple(i for i in dict.fromkeys(inputs) if i in behind)
        graph.outputs = outputs
        graph.output_names = ("",) * len(outputs)
        progress.settle(graph)
    return outputs


def _tell_keys(calls: Calls, losses: Losses) -> None:
    """Tell of inputs and outputs in a dictionary: the model of a spec has them in a list.

    Keras takes a dictionary for a list of inputs, too, by the names of the inputs.
    """
    if any(key and key != ref.layer for ref, key in zip(calls.inputs, calls.input_keys, strict=True)):
        losses.add(
            "ST504",
            f"the model's inputs are called {shown(', '.join(calls.input_keys))}: in the spec's model they "
            "have the names of their layers",
        )
    if any(calls.output_keys):
        losses.add(
            "ST504",
            f"the model gives a dictionary of {shown(', '.join(calls.output_keys))}: the spec's model gives "
            + ("a list in this order" if len(calls.outputs) > 1 else "the value itself"),
        )


def _sub_model(
    progress: Progress, config: Mapping[str, Any], inputs: tuple[Tensor, ...], path: tuple[Any, ...]
) -> SubModel:
    """Return a model as a sub-model, such as ``td`` applies to every step."""
    body = as_dict(config.get("config"), "a model's config")
    name = str(body.get("name", ""))
    graph = Graph(name="" if automatic.is_model(name) else name)
    values = []
    for tensor in inputs:
        node = graph.add(NOWHERE)
        node.outputs = (tensor,)
        values.append(Value(node.index))
    graph.inputs = tuple(v.node for v in values)
    graph.outputs = _model(progress, config, graph, tuple(values), path)
    if all(value.node in graph.inputs for value in graph.outputs):
        progress.losses.otherwise(
            name, "is a model without layers: written as id, which is built as an Identity"
        )
    declared = [x["config"].get("dtype") for x in body["layers"] if x.get("class_name") == "InputLayer"]
    for dtype, tensor in zip(declared, inputs, strict=False):
        if dtype != tensor.dtype:
            progress.losses.otherwise(
                name, f"declares its input as {shown(dtype)}, written as {tensor.dtype}"
            )
    progress.settle(graph)
    return SubModel(graph, graph.name)


class Walk(ModelCalls):
    """The calls of one model, read from the first to the last."""

    def __init__(self, progress: Progress, graph: Graph, path: tuple[Any, ...]) -> None:
        super().__init__(progress, graph, path)
        self.cut: set[str] = set()
        self.ends: frozenset[Ref] = frozenset()
        """The outputs of the whole model that nothing else uses."""
        self.merging_states: frozenset[Ref] = frozenset()

    def needed(self, ref: Ref, by: str) -> Bundle:
        """Return the values of a reference; a value that no spec can say becomes an input."""
        resolve(self, ref)
        if ref not in self.values:
            call = self.raw.get(ref._replace(output=0))
            if call is None:
                raise wrong(
                    f"{shown(by)} takes the output {ref.output} of {shown(ref.layer)}, which is not there"
                )
            self._cut(call, ref, "", None)
        return (self.values[ref],)

    def input(self, call: Call) -> None:
        """Read an ``InputLayer``."""
        config = as_dict(call.config.get("config"), f"the config of {shown(call.name)}")
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        sizes = as_list(shape, f"the batch_shape of {shown(call.name)}")
        for flag in ("sparse", "ragged", "optional"):
            if config.get(flag):
                self.losses.argument(call.name, flag, "true")
        dtype = config.get("dtype") or "float32"
        if not isinstance(dtype, str) or dtype not in DTYPES:
            self.losses.argument(call.name, "dtype", shown(dtype))
            dtype = "float32"
        self._source(call.ref, sizes, dtype, call.name)

    def _source(self, ref: Ref, sizes: Sequence[Any], dtype: str, name: str) -> None:
        for size in sizes:
            whole = isinstance(size, int) and not isinstance(size, bool)
            if size is not None and not (whole and 0 < size < LIMIT):
                message = f"the shape of {shown(name)} has the size {shown(size)}"
                if whole and size >= LIMIT:
                    raise wrong(message, f"a spec takes sizes below {LIMIT:,}")
                raise wrong(message)
        node = self.graph.add(NOWHERE, batch=sizes[0] if sizes else None)
        shape = tuple(self.progress.fresh() if s is None else s for s in sizes[1:])
        node.outputs = (Tensor(shape, dtype),)
        node.name = name
        self.values[ref] = Value(node.index)

    # ---- calls -----------------------------------------------------------------------------------

    def call(self, call: Call) -> None:
        """Read one call of a layer, an operation or a model."""
        self.raw[call.ref] = call
        if call.is_input:
            self.input(call)
            return
        if call.config.get("class_name") in MODELS and call.is_keras:
            self._inner_model(call)
            return
        if self._is_alias(call) or match(self, call):
            return
        if call.is_operation:
            return  # a piece of something larger, perhaps; else it is cut where it is needed
        try:
            self._layer_call(call)
        except NoRowError as error:
            self._cut(call, call.ref, str(error), None, error.help)

    def _is_alias(self, call: Call) -> bool:
        """Return whether a call only renames a state or scores by an Identity, and note the name if so."""
        refs = list(refs_in(call.args))
        if call.kind != "Identity" or not call.is_keras or call.ref not in self.ends or len(refs) != 1:
            return False
        (value,) = self.needed(refs[0], call.name)
        tensor = self.graph.tensor(value)
        node = self.graph.nodes[value.node]
        dtype = call.settings.get("dtype")
        if not value.extra or tensor is None or (plain_dtype(dtype) or dtype) != tensor.dtype:
            return False
        if not automatic.giver(call.name, value.extra):
            if len(node.extras[value.extra]) == 1:
                return False
            if not automatic.split(call.name, NAMES["identity"])[0]:
                message = f"the name {call.name!r} is left out: the {value.extra}s are given out together"
                self.losses.add("ST507", message)
        self.progress.decoded.aliases.setdefault(value, call.name)
        self.values[call.ref] = value
        return True

    def _inner_model(self, call: Call) -> None:
        named = [call.kwargs[name] for name in VALUES if name in call.kwargs]
        refs = refs_in([call.args, named])
        incoming = tuple(v for ref in refs for v in self.needed(ref, call.name))
        message = "is a model inside the model: in the built one, its layers stand in the whole"
        self.losses.otherwise(call.name, message)
        training = call.kwargs.get("training")
        if isinstance(training, (bool, int)) and trains_otherwise(call.config):
            self.losses.argument(call.name, "training", shown(bool(training)).lower())
        before = len(self.graph.nodes)
        values = _model(self.progress, call.config, self.graph, incoming, (*self.path, call.name))
        for i, value in enumerate(values):
            self.values[call.ref._replace(output=i)] = value
        if self.graph is self.progress.decoded.graph and not self.path:
            nodes = frozenset(range(before, len(self.graph.nodes)))
            key = self.progress.models.setdefault(call.name, len(self.progress.models))
            self.progress.decoded.parts.append(Part(key, call.name, nodes, incoming, values, call.config))

    def _layer_call(self, call: Call) -> None:
        layer, read = self.layer(call)
        row = layer.row
        values, kwargs = self._arguments(call, row)
        incoming = self._incoming(row, values, whole=call.ref not in self.merging_states)
        # Before the node, since they may need nodes of their own.
        given = {key: self._given(incoming, key, value) for key, value in kwargs.items()}
        node = self.graph.add(NOWHERE, layer)
        node.inputs = incoming
        if read.inner:
            self._wrapped(layer, read, self.graph.tensors(incoming) or (), (*self.path, call.name))
        tensors = self.graph.tensors(node.inputs) or ()
        if call.config.get("counted_axis") and tensors and layer.args.get("axis") == len(tensors[0].shape):
            del layer.args["axis"]  # the last one, which was given as -1
        settle(layer, tensors, self.losses)
        call_args: dict[str, Any] = {}
        for key, value in kwargs.items():
            self._call_argument(call, row, node, key, value, call_args, given[key])
        node.call = call_args
        why = self.place(call, node)
        if why:
            self._cut(call, call.ref, why, "ST509")

    def layer(self, call: Call) -> tuple[Layer, Read]:
        """Return the layer of a call: the same for all calls of one name, and for one shared object."""
        read = read_layer(call.config, self.losses)
        read.args.pop("return_state", None)
        key = self._key(call.config, call.name)
        known = self.progress.shared.get(key)
        if known is None:
            known = self.progress.shared[key] = make(read)
        return known, read

    def _key(self, config: Mapping[str, Any], name: str) -> tuple[Any, ...]:
        shared = config.get("shared_object_id")
        return ("object", shared) if isinstance(shared, (int, str)) else (*self.path, name)

    def _wrapped(self, layer: Layer, read: Read, tensors: tuple[Tensor, ...], path: tuple[Any, ...]) -> None:
        """Add the layers inside a wrapper, when it is called for the first time."""
        steps = tuple(Tensor(t.shape[1:] if layer.row.steps else t.shape, t.dtype) for t in tensors)
        for name, config in read.inner.items():
            if name in layer.args:
                continue
            if name == "backward_layer" and _is_mirrored(read.inner["layer"], config):
                continue
            if config.get("class_name") in MODELS:
                key = self._key(config, "")
                key = key if key[0] == "object" else (*path, name)
                if key not in self.progress.models_inside:
                    self.progress.models_inside[key] = _sub_model(self.progress, config, steps, (*path, name))
                layer.args[name] = self.progress.models_inside[key]
                continue
            inner = read_layer(config, self.losses, inside=True)
            inner.args.pop("return_state", None)
            key = self._key(config, "")
            key = key if key[0] == "object" else (*path, name)
            made = self.progress.shared.setdefault(key, make(inner))
            layer.args[name] = made
            settle(made, steps, self.losses)
            if inner.inner:
                self._wrapped(made, inner, steps, (*path, name))

    def _arguments(self, call: Call, row: Row) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of a call: its values, and all others by Keras' names."""
        kwargs = dict(call.kwargs)
        values: list[Any] = []
        rest = list(call.args)
        if row.separate_inputs:
            while rest and len(values) < 3 and refs_in(rest[0]):
                values.append(rest.pop(0))
        elif rest:
            values.append(rest.pop(0))
        values += [kwargs.pop(name) for name in VALUES if name in kwargs]
        names = RNN_CALL if row.recurrent else POSITIONAL.get(row.keras, ())
        for i, value in enumerate(rest):
            if i < len(names):
                kwargs.setdefault(names[i], value)
            elif value is not None:
                self.losses.argument(call.name, f"argument {i + 2}", shown(value))
        return values, kwargs

    def _incoming(self, row: Row, values: list[Any], *, whole: bool) -> Bundle:
        refs = [ref for value in values for ref in refs_in(value)]
        found = tuple(v for ref in refs for v in self.needed(ref, row.name))
        if whole:
            found = self.whole(found)
        attends_to_itself = row.separate_inputs and len(found) == 2 and found[0] == found[1]
        return found[:1] if attends_to_itself else found

    def _given(self, incoming: Bundle, key: str, value: Any) -> Bundle | None:
        """Return the values in an argument of a call; None if one is not a value of the graph."""
        refs = list(refs_in(value))
        if not self.masks.automatic(incoming, key, refs):
            for ref in refs:
                resolve(self, ref)
        if not refs or not all(ref in self.values for ref in refs):
            return None
        return self.whole(tuple(self.values[ref] for ref in refs))

    def _call_argument(
        self,
        call: Call,
        row: Row,
        node: Node,
        key: str,
        value: Any,
        into: dict[str, Any],
        given: Bundle | None,
    ) -> None:
        if value is None or (key, value) in (("training", False), ("return_attention_scores", False)):
            # The other layers have it by default, and Keras saves that as if it had been given.
            given_by_hand = row.role not in ("noise", "recurrent") and row.name != "spectral_normalization"
            if key == "training" and value is False and given_by_hand and trains_otherwise(call.config):
                self.losses.argument(call.name, "training", "false")
            return
        if key == "return_attention_scores":
            return
        refs = list(refs_in(value))
        param = next((p for p in row.params if p.call and p.keras_name == key), None)
        if refs and self.masks.automatic(node.inputs, key, refs):
            return
        if param is None:
            self.losses.argument(call.name, shown(key), shown(value) if not refs else "a value")
        elif param.kind.takes in ("tensor", "tensors"):
            if given is None:
                self.losses.argument(call.name, shown(key), "an operation of keras.ops")
                return
            tensors = dict(node.tensors)
            tensors[param.name] = given
            node.tensors = tensors
        else:
            try:
                read = param.kind.read(plain(value, param.kind.family))
            except (Refusal, UnsayableError):
                self.losses.argument(call.name, shown(key), shown(value))
                return
            if read != param.default:
                into[param.name] = read

    # ---- what no spec can say ----------------------------------------------------------------------

    def _cut(self, call: Call, ref: Ref, why: str, code: str | None, help: str = "") -> None:
        """Add an input of the right shape in place of a layer or operation that no spec can say."""
        if call.is_operation:
            what = f"the operation {shown(call.kind)}"
            cut = why_not(call.args[1] if len(call.args) == 2 else None)
            why = why or (cut if call.kind == "GetItem" else "the language has no row for it")
        else:
            what = f"a {shown(call.kind)} layer"
        tensor = call.output_shapes.get(ref.output)
        incoming = [r for r in refs_in([call.args, call.kwargs]) if r in self.values]
        same = len(incoming) == 1 and bool(call.config.get("keeps_shape"))
        if tensor is None and not same:
            raise wrong(
                f"{shown(call.name)} is {what}: {why}; and nothing in the file says what shape it gives",
                "load the model in Keras, and give it to seqtopo.decompile: a live model has its shapes",
            )
        if tensor is not None:
            same = len(incoming) == 1 and call.shapes.get(incoming[0]) == tensor and ref.output == 0
        stands = "stands as identity" if same else "comes in as an input of its own"
        message = f"{shown(call.name)} is {what}: {why}; what it gives {stands}"
        self.losses.add(code or "ST503", message, help=help)
        if same:
            node = self.graph.add(NOWHERE, self._stand_in(call.name))
            node.inputs = (self.values[incoming[0]],)
            infer(self.graph, node)
            self.values[ref] = Value(node.index)
            return
        assert tensor is not None
        shape, dtype = tensor
        name = f"{call.name}_{ref.output}" if ref.output else call.name
        # The layer, or the model that it is in, may be called several times: each call is an input.
        key = (id(self.graph), name)
        self.progress.cut_names[key] += 1
        if (calls := self.progress.cut_names[key]) > 1:
            name = f"{name}_call{calls}"
        self._source(ref, list(shape), dtype if dtype in DTYPES else "float32", name)
        if self.graph is self.progress.decoded.graph:
            self.progress.decoded.cut += [(call.name, self.values[r]) for r in incoming]

    def _stand_in(self, name: str) -> Layer:
        """Return the identity in place of a layer that no spec can say; one for all its calls."""
        key = ("stands as identity", id(self.graph), name)
        return self.progress.shared.setdefault(key, Layer(NAMES["identity"], {}, name))


def _is_mirrored(forward: Mapping[str, Any], backward: Mapping[str, Any]) -> bool:
    """Return whether a backward layer is the one that Bidirectional makes from the forward layer."""
    if forward.get("class_name") != backward.get("class_name"):
        return False
    one, two = forward.get("config"), backward.get("config")
    if not isinstance(one, dict) or not isinstance(two, dict):
        return False
    asides = ("name", "go_backwards")
    ahead = _without_shared_marks({k: v for k, v in one.items() if k not in asides})
    back = _without_shared_marks({k: v for k, v in two.items() if k not in asides})
    return ahead == back and bool(one.get("go_backwards")) != bool(two.get("go_backwards"))


def _without_shared_marks(value: Any) -> Any:
    """Return a configuration without marks of shared objects, which initializers have."""
    if isinstance(value, dict):
        return {k: _without_shared_marks(v) for k, v in value.items() if k != "shared_object_id"}
    return [_without_shared_marks(v) for v in value] if isinstance(value, list) else value
