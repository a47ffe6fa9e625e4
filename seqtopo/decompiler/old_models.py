"""Translate the configuration of a model that Keras 0.3 to 2 saved to that of Keras 3.

The layers' names and arguments come from ``layers.old_spellings``. This module handles the forms of the
whole: lists and dictionaries of layers, calls as lists of (layer, call, output), inputs that a first layer
declares, ``Merge`` at the head of a Sequential, the ``Graph`` of Keras 0.3. A layer that Keras 3 lacks
becomes several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seqtopo.decompiler import tf_functions
from seqtopo.decompiler.calls import MOST_CALLS, is_functional
from seqtopo.decompiler.files import as_dict, as_list, as_text, shown
from seqtopo.decompiler.losses import Losses, wrong
from seqtopo.decompiler.old_layers import (
    GRAPHS,
    MODELS,
    UNNAMED,
    Config,
    Layers,
    Piece,
    input_of,
    named_class,
    renamed,
    settings,
    tensor,
)
from seqtopo.decompiler.old_objects import compile_config
from seqtopo.layers import old_spellings as old
from seqtopo.layers.old_spellings import Age, age_of, age_of_version

_STEPPED = ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_CONSTANT = "_CONSTANT_VALUE"


def modernized(config: Mapping[str, Any], losses: Losses) -> Mapping[str, Any]:
    """Return a model's configuration as Keras 3 writes it; one of Keras 3 is returned as it is.

    Layers that Keras 3 computes otherwise under the same name go to ``losses``.

    Raises:
        UnreadableError: it is not what any Keras wrote (ST502).
    """
    age = age_of_config(config)
    if age is None:
        return config
    found = _Modernizer(age, losses).model(named_class(dict(config)))
    trained = compile_config(config, losses)
    if trained is not None:
        found["compile_config"] = trained
    return found


def age_of_config(config: Mapping[str, Any]) -> Age | None:
    """Return the age of a configuration; None if it is of Keras 3."""
    version = config.get("keras_version")
    said = age_of_version(version) if isinstance(version, str) and version[:1].isdigit() else None
    if "class_name" not in config and config.get("name") in ("Sequential", "Graph"):
        return said or old.KERAS_0
    layers = list(_every_layer(config))
    if said is not None and said < old.KERAS_3:
        return said
    listed = any(isinstance(node, list) for layer in layers for node in _nodes(layer))
    shaped = any("batch_input_shape" in settings(layer) for layer in layers)
    bare = any("module" not in layer for layer in layers)
    if said is None and (bare or listed or shaped or not isinstance(config.get("module"), str)):
        if config.get("class_name") not in MODELS:
            return None
        spelt = age_of((str(layer.get("class_name")), settings(layer)) for layer in layers)
        if spelt < old.KERAS_3:
            return spelt
        if isinstance(config.get("module"), str):
            return old.TF_KERAS if listed or shaped else old.KERAS_3
        return old.KERAS_2
    return old.KERAS_3 if bare and isinstance(config.get("config"), dict) else None


def _every_layer(config: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Yield the layers of a model and of the models in it."""
    todo: list[Any] = [config]
    seen = 0
    while todo and seen < 4 * MOST_CALLS:
        body = todo.pop().get("config")
        layers = body.get("layers") if isinstance(body, dict) else body
        for layer in layers if isinstance(layers, list) else ():
            if isinstance(layer, dict):
                seen += 1
                yield layer
                if layer.get("class_name") in MODELS:
                    todo.append(layer)


def _nodes(layer: Mapping[str, Any]) -> list[Any]:
    found = layer.get("inbound_nodes")
    return found if isinstance(found, list) else []


class _Net:
    """A functional model while it is put together."""

    def __init__(self) -> None:
        self.layers: dict[str, Config] = {}

    def free(self, name: str) -> str:
        """Return a name, with a number if it is taken."""
        found, number = name, 1
        while found in self.layers:
            found, number = f"{name}_{number}", number + 1
        return found

    def call(self, layer: Config, args: list[Any], kwargs: Mapping[str, Any] | None = None) -> list[Any]:
        """Call a layer, and return the reference to its output."""
        name = layer["name"]
        held = self.layers.setdefault(name, {**layer, "inbound_nodes": []})
        held["inbound_nodes"].append({"args": args, "kwargs": dict(kwargs or {})})
        return [name, len(held["inbound_nodes"]) - 1, 0]

    def source(self, layer: Config) -> list[Any]:
        """Add an input, and return the reference to it."""
        self.layers[layer["name"]] = {**layer, "inbound_nodes": []}
        return [layer["name"], 0, 0]

    def model(self, name: str, inputs: list[Any], outputs: list[Any]) -> Config:
        """Return the configuration of the whole."""
        body = {"name": name, "trainable": True, "layers": list(self.layers.values())}
        body |= {"input_layers": inputs, "output_layers": outputs}
        return {"module": "keras", "class_name": "Functional", "config": body, "registered_name": None}


class _Modernizer:
    def __init__(self, age: Age, losses: Losses) -> None:
        self.layers = Layers(age, losses, self.model)

    def model(self, config: Config) -> Config:
        """Return a model, with all that is inside it."""
        kind = config.get("class_name")
        if kind == "Sequential":
            return self.sequential(config)
        if kind == "Graph":
            return self.graph(as_dict(config.get("config"), "the model's config"))
        if kind in GRAPHS:
            return self.functional(as_dict(config.get("config"), "the model's config"))
        return config

    # ---- Sequential ------------------------------------------------------------------------------------

    def sequential(self, config: Config) -> Config:
        """Return a Sequential, or a functional model if it begins with a Merge or a layer branches."""
        body = config.get("config")
        said = body if isinstance(body, dict) else {}
        layers = [
            named_class(as_dict(layer, "a layer"))
            for layer in as_list(said.get("layers") if isinstance(body, dict) else body, "the model's layers")
        ]
        name = said.get("name")
        name = name if isinstance(name, str) else "sequential"
        if len(layers) > MOST_CALLS:
            raise wrong(f"the model has {len(layers):,} layers, which is more than {MOST_CALLS:,}")
        if layers and self.branches(layers[0]):
            net = _Net()
            inputs: list[Any] = []
            end = self.run(net, layers, None, inputs)
            return net.model(name, inputs, [end])
        rows = [self.layers.pieces(layer) for layer in layers]
        if len(rows) > 1 and rows[0][0].layer["name"] == f"{rows[1][-1].layer['name']}_input":
            rows[0] = [Piece(renamed(rows[0][0].layer, UNNAMED))]
        first = self.layers.declared(layers[0], rows[0]) if layers else None
        shape = said.get("build_input_shape", said.get("batch_input_shape"))
        if first is None and isinstance(shape, list):
            first = input_of(UNNAMED, shape, None)
        if any(piece.takes for row in rows for piece in row):
            net, inputs = _Net(), []
            end = self.run(net, layers, None, inputs, first)
            return net.model(name, inputs, [end])
        found = [piece.layer for row in rows for piece in row]
        self.unique(found)
        if first is not None:
            found.insert(0, first)
        whole = {"name": name, "trainable": True, "layers": found}
        return {"module": "keras", "class_name": "Sequential", "config": whole, "registered_name": None}

    def unique(self, layers: list[Config]) -> None:
        """Give layers of the same name, which Keras 0.3 wrote, different names."""
        taken: set[str] = set()
        for layer in layers:
            name, number = layer["name"], 1
            while layer["name"] in taken:
                layer["name"], number = f"{name}_{number}", number + 1
            taken.add(layer["name"])
            if layer["class_name"] not in ("Functional", "Sequential"):
                layer["config"]["name"] = layer["name"]

    def branches(self, layer: Config) -> bool:
        """Return whether a first layer merges models that it contains."""
        return layer.get("class_name") in ("Merge", "merge") and isinstance(
            settings(layer).get("layers"), list
        )

    def run(
        self,
        net: _Net,
        layers: list[Config],
        start: list[Any] | None,
        inputs: list[Any],
        first: Config | None = None,
    ) -> list[Any]:
        """Call layers one after the other, and return the reference to the last output."""
        here = start
        for layer in layers:
            layer = named_class(layer)
            if here is None and self.branches(layer):
                here = self.merged_models(net, layer, inputs)
                continue
            row = self.layers.pieces(layer)
            if here is None:
                source = first or self.layers.declared(layer, row)
                if row[0].layer.get("class_name") == "InputLayer":
                    source = row.pop(0).layer
                if source is None:
                    raise wrong(f"nothing says what comes into {shown(layer.get('class_name'))}")
                source = renamed(source, net.free(source["name"]))
                here = net.source(source)
                inputs.append(here)
            of_row = {"": here}
            for piece in row:
                name = piece.layer["name"]
                free = piece.layer if name not in net.layers else renamed(piece.layer, net.free(name))
                values = [tensor(of_row[name]) for name in piece.takes] or [tensor(here)]
                here = of_row[name] = net.call(free, [values if len(values) > 1 else values[0]])
        if here is None:
            raise wrong("a model in the model has no layers")
        return here

    def merged_models(self, net: _Net, layer: Config, inputs: list[Any]) -> list[Any]:
        """Add a ``Merge`` of models, each with its own input, and return the reference to its output."""
        body = settings(layer)
        ends = []
        for branch in as_list(body.get("layers"), "the layers of a Merge"):
            held = named_class(as_dict(branch, "a layer of a Merge"))
            inside = held.get("config")
            if held.get("class_name") == "Sequential":
                listed = inside.get("layers") if isinstance(inside, dict) else inside
                row = [as_dict(x, "a layer") for x in as_list(listed, "the layers of a model")]
            else:
                row = [held]
            ends.append(self.run(net, row, None, inputs))
        (piece,) = self.layers.pieces({**layer, "config": {k: v for k, v in body.items() if k != "layers"}})
        return net.call(renamed(piece.layer, net.free(piece.layer["name"])), [[tensor(ref) for ref in ends]])

    # ---- functional models -----------------------------------------------------------------------------

    def functional(self, body: Config) -> Config:
        """Return a functional model."""
        layers = [as_dict(x, "a layer") for x in as_list(body.get("layers"), "the model's layers")]
        if len(layers) > MOST_CALLS:
            raise wrong(f"the model has {len(layers):,} layers, which is more than {MOST_CALLS:,}")
        body, layers = _plain_names(body, layers)
        names = {x.get("name") for x in layers if isinstance(x.get("name"), str)}
        shifted = _counted_from_one(body, layers)
        found: list[Config] = []
        for layer in layers:
            pieces = self.layers.pieces(layer)
            name = layer.get("name")
            if isinstance(name, str):
                pieces[-1] = pieces[-1]._replace(layer={**pieces[-1].layer, "name": name})
            nodes = as_list(layer.get("inbound_nodes", []), f"the inbound_nodes of {shown(name)}")
            calls = [self.node(n, pieces[0].layer, names, shifted) for n in nodes]
            operation = tf_functions.translated(layer, calls) if tf_functions.word_of(layer) else None
            found += self.called(pieces, calls) if operation is None else [operation]
        whole = {k: v for k, v in body.items() if k in ("name", "trainable")} | {"layers": found}
        for key in ("input_layers", "output_layers"):
            whole[key] = _shift(body.get(key), shifted)
        # As Keras 3 counts the calls of models at the ends.
        from_one = {layer["name"]: -1 for layer in found if is_functional(layer)}
        whole["output_layers"] = _shift(whole["output_layers"], from_one)
        return {"module": "keras", "class_name": "Functional", "config": whole, "registered_name": None}

    def called(self, pieces: list[Piece], nodes: list[Config]) -> list[Config]:
        """Return the layers of one old layer with their calls: each takes the output of the one before."""
        found = []
        before = ""
        for piece in pieces:
            calls = [self.of_piece(piece, before, i, node) for i, node in enumerate(nodes)]
            found.append({**piece.layer, "inbound_nodes": calls})
            before = piece.layer["name"]
        return found

    def of_piece(self, piece: Piece, before: str, call: int, node: Config) -> Config:
        """Return one call of a piece, for a call ``node`` of the old layer."""
        if not before and not piece.takes:
            return node
        takes = piece.takes or (before,)
        values = [tensor([name, call, 0]) if name else node["args"][0] for name in takes]
        return {"args": [values if len(values) > 1 else values[0]], "kwargs": {}}

    def node(self, node: Any, layer: Config, names: set[Any], shifted: Mapping[str, int]) -> Config:
        """Return one call as Keras 3 writes it."""
        if isinstance(node, dict):
            return node
        name = shown(layer.get("name"))
        tensors: list[Any] = []
        kwargs: Config = {}
        given = as_list(node, f"a call of {name}")
        if len(given) in (3, 4) and isinstance(given[0], str) and type(given[1]) is int:
            given = [given]
        for one in given:
            parts = as_list(one, f"a call of {name}")
            if len(parts) < 3 or type(parts[1]) is not int:
                raise wrong(f"a call of {name} takes {shown(parts)}, which is not a layer, call and output")
            if parts[0] == _CONSTANT:
                tensors.append(parts[2])
            elif not isinstance(parts[0], str) or type(parts[2]) is not int:
                raise wrong(f"a call of {name} takes {shown(parts)}, which is not a layer, call and output")
            else:
                tensors.append(tensor(_shift(parts[:3], shifted)))
            if len(parts) > 3 and isinstance(parts[3], dict):
                kwargs |= {key: _reference(value, names, shifted) for key, value in parts[3].items()}
        stepped = layer.get("class_name") in _STEPPED
        if stepped and len(tensors) > 1:
            # The initial states were a part of what came in.
            kwargs.setdefault("initial_state", tensors[1:])
            tensors = tensors[:1]
        attends = layer.get("class_name") in ("Attention", "AdditiveAttention")
        if attends and layer["config"].pop("causal", False):
            kwargs["use_causal_mask"] = True
        return {"args": [tensors if len(tensors) > 1 else tensors[0]] if tensors else [], "kwargs": kwargs}

    # ---- the Graph of Keras 0.3 ------------------------------------------------------------------------

    def graph(self, body: Config) -> Config:
        """Return the functional model of a ``Graph`` of Keras 0.3, whose nodes refer to others by name."""
        net = _Net()
        refs: dict[str, list[Any]] = {}
        inputs: list[Any] = []
        for one in as_list(body.get("input_config"), "the input_config"):
            one = as_dict(one, "an input")
            name = as_text(one.get("name"), "an input's name")
            shape = one.get("batch_input_shape") or [None, *as_list(one.get("input_shape"), "an input_shape")]
            dtype = "int32" if one.get("dtype") == "int" else "float32"
            refs[name] = net.source(input_of(name, as_list(shape, "an input_shape"), dtype))
            inputs.append(refs[name])
        nodes = as_dict(body.get("nodes"), "the nodes")
        for one in as_list(body.get("node_config"), "the node_config"):
            one = as_dict(one, "a node")
            name = as_text(one.get("name"), "a node's name")
            incoming = self.joined(net, one, name, refs)
            layer = named_class(as_dict(nodes.get(name), f"the node {shown(name)}"))
            if layer.get("class_name") == "Sequential":
                listed = as_list(settings(layer).get("layers"), "the layers of a model")
                refs[name] = self.run(net, [as_dict(x, "a layer") for x in listed], incoming, inputs)
                continue
            layer = {**layer, "config": {**settings(layer), "name": name}}
            refs[name] = self.run(net, [layer], incoming, inputs)
        outputs = []
        for one in as_list(body.get("output_config"), "the output_config"):
            one = as_dict(one, "an output")
            outputs.append(self.joined(net, one, as_text(one.get("name"), "an output's name"), refs))
        return net.model("model", inputs, outputs)

    def joined(self, net: _Net, one: Config, name: str, refs: Mapping[str, list[Any]]) -> list[Any]:
        """Return the reference to the input of a node or an output, with several inputs merged."""
        several = one.get("inputs")
        given = several if isinstance(several, list) and several else [one.get("input")]
        names = [word for word in given if isinstance(word, str) and word in refs]
        if len(names) < len(given):
            raise wrong(f"{shown(name)} takes {shown(given)}, which is not there")
        if len(names) == 1:
            return refs[names[0]]
        merge = {"mode": one.get("merge_mode", "concat"), "name": f"{name}_merge"}
        merge |= {key: one[key] for key in ("concat_axis", "dot_axes") if key in one}
        (piece,) = self.layers.pieces({"class_name": "Merge", "config": merge})
        return net.call(piece.layer, [[tensor(refs[n]) for n in names]])


def _plain_names(body: Config, layers: list[Config]) -> tuple[Config, list[Config]]:
    """Return a model with functions of TensorFlow named ``add``, not ``tf.__operators__.add``."""
    words = {str(x.get("name")): tf_functions.word_of(x) for x in layers if tf_functions.word_of(x)}
    if not words:
        return body, layers
    taken = {str(x.get("name")) for x in layers}
    names: dict[str, str] = {}
    for name, word in words.items():
        word = word.replace("getitem", "get_item")
        number, names[name] = 1, word
        while names[name] in taken:
            names[name], number = f"{word}_{number}", number + 1
        taken.add(names[name])
    changed = []
    for layer in layers:
        nodes = tf_functions.renamed(layer.get("inbound_nodes", []), names)
        changed.append({**layer, "inbound_nodes": nodes})
        if layer.get("name") in names:
            changed[-1]["name"] = names[layer["name"]]
    ends = {k: tf_functions.renamed(body.get(k), names) for k in ("input_layers", "output_layers")}
    return {**body, **ends}, changed


def _counted_from_one(body: Mapping[str, Any], layers: list[Config]) -> dict[str, int]:
    """Return the inner models whose calls count from 1, by their first numbers.

    Keras 1 and 2 counted building a model as a call.
    """
    calls = {
        str(x.get("name")): len(_nodes(x)) for x in layers if x.get("class_name") in MODELS and _nodes(x)
    }
    highest: dict[str, int] = {}
    todo: list[Any] = [body.get("input_layers"), body.get("output_layers"), *(_nodes(x) for x in layers)]
    while todo and calls:
        here = todo.pop()
        if isinstance(here, dict):
            todo.extend(here.values())
        elif isinstance(here, list):
            if len(here) >= 3 and isinstance(here[0], str) and here[0] in calls and type(here[1]) is int:
                highest[here[0]] = max(highest.get(here[0], 0), here[1])
            todo.extend(here)
    return {name: 1 for name, count in calls.items() if highest.get(name, 0) >= count}


def _shift(value: Any, shifted: Mapping[str, int]) -> Any:
    """Return references with the calls of models counted from 0."""
    if not isinstance(value, list):
        return value
    if len(value) == 3 and isinstance(value[0], str) and type(value[1]) is int:
        return [value[0], value[1] - shifted.get(value[0], 0), value[2]]
    return [_shift(one, shifted) for one in value]


def _reference(value: Any, names: set[Any], shifted: Mapping[str, int]) -> Any:
    """Return an argument of a call with its tensors as Keras 3 writes them."""
    if isinstance(value, list):
        ref = len(value) == 3 and isinstance(value[0], str) and value[0] in names
        if ref and type(value[1]) is int and type(value[2]) is int:
            return tensor(_shift(value, shifted))
        return [_reference(one, names, shifted) for one in value]
    if isinstance(value, dict):
        return {key: _reference(one, names, shifted) for key, one in value.items()}
    return value
