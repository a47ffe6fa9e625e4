"""Attention: dot-product, additive, and with several heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.parameters import SEED, USE_BIAS
from seqtopo.layers.row import LayerCall, Outcome, Param, Row, compute_dtype
from seqtopo.layers.sizes import Shape, Size, fits, product, show_shape, total
from seqtopo.layers.values import FLOATS, Products, Refusal, Tensor, Weight

CAUSAL = Param("use_causal_mask", k.BOOL, False, flags={"causal": True}, call=True)
SCORES = Param("return_attention_scores", k.BOOL, False, call=True)


def attended(call: LayerCall) -> tuple[Tensor, Tensor, Tensor]:
    """Return the query, the value and the key: one value attends to itself, and the key defaults to the
    value.
    """
    query = call.inputs[0]
    value = call.inputs[1] if len(call.inputs) > 1 else query
    key = call.inputs[2] if len(call.inputs) > 2 else value
    return query, value, key


def _no_scores(call: LayerCall) -> None:
    if call.args.get("return_attention_scores"):
        raise call.refuse(
            "ST215",
            "never returns its scores as a second output",
            label="not needed",
            help="name the step and use name.scores where the scores are wanted",
            at=("argument", "return_attention_scores"),
        )


def _mismatch(call: LayerCall, what: str, first: Tensor, second: Tensor, blame: int, help: str) -> Refusal:
    return call.refuse(
        "ST309",
        f"needs {what}, but is given {first} and {second}",
        label=f"is given {second}",
        help=help,
        at=("input", blame),
    )


def _same_steps(call: LayerCall, value: Tensor, key: Tensor) -> None:
    """Refuse lengths that differ, as Keras does: to it an unknown length equals no number."""
    for a, b in zip(value.shape[:-1], key.shape[:-1], strict=True):
        if not fits(a, b) or isinstance(a, int) != isinstance(b, int):
            help = "every value needs its key: let both come from the same sequence"
            raise _mismatch(call, "as many steps in the key as in the value", value, key, 2, help)


def _same_rank(call: LayerCall) -> None:
    first = call.inputs[0]
    for i, other in enumerate(call.inputs):
        if len(other.shape) != len(first.shape):
            help = "give query, value and key the same axes: steps, then features"
            raise _mismatch(call, "the same number of axes in each value", first, other, i, help)


def _floats(call: LayerCall) -> None:
    for i, tensor in enumerate(call.inputs):
        if tensor.dtype not in FLOATS:
            raise call.refuse(
                "ST310",
                f"needs vectors of fractions, but is given {tensor.dtype}",
                label=f"is {tensor.dtype}",
                help="turn ids into vectors first: -> embed(vocab, width)",
                at=("input", i),
            )


def _check_mask(call: LayerCall, name: str, wanted: tuple[Shape, ...]) -> None:
    """Refuse a mask that is of none of the wanted shapes; sizes of 1 stand for any."""
    for mask in call.tensors.get(name, ()):
        if not any(
            len(mask.shape) == len(shape)
            and all(have == 1 or fits(have, want) for have, want in zip(mask.shape, shape, strict=True))
            for shape in wanted
        ):
            raise call.refuse(
                "ST309",
                f"takes a {name} of shape {' or '.join(map(show_shape, wanted))}, but is given {mask}",
                label=f"is {mask}",
                help="give it a value of that shape, with the dtype bool",
                at=("argument", name),
            )


def _dot_product(call: LayerCall) -> Shape:
    """Return the output shape of ``attention``: the query's steps, the value's width."""
    _floats(call)
    _no_scores(call)
    query, value, key = attended(call)
    _same_rank(call)
    for i, other in enumerate(call.inputs[1:], 1):
        if not all(map(fits, query.shape[:-2], other.shape[:-2])):
            help = "only the steps may differ in number"
            raise _mismatch(call, "the same leading axes in each value", query, other, i, help)
    if not fits(query.shape[-1], key.shape[-1]):
        width = query.shape[-1]
        help = f"bring the key to the query's width first: -> dense({width})"
        blame = len(call.inputs) - 1
        raise _mismatch(call, "queries and keys of one width", query, key, blame, help)
    _same_steps(call, value, key)
    _check_masks(call, query, value)
    return (*query.shape[:-1], value.shape[-1])


def _check_masks(call: LayerCall, query: Tensor, value: Tensor) -> None:
    masks = call.tensors.get("mask")
    if masks is None:
        return
    if len(masks) not in (2, 3):
        raise call.refuse(
            "ST203",
            f"takes two masks, the query's and the value's, but is given {len(masks)}",
            label=f"{len(masks)} given",
            help="write mask=[query_mask, value_mask]",
            at=("argument", "mask"),
        )
    for mask, of in zip(masks, (query, value, value), strict=False):
        if len(of.shape) != 2 or len(mask.shape) != 1 or not fits(mask.shape[0], of.shape[0]):
            raise call.refuse(
                "ST309",
                f"takes for {of} a mask with one truth value a step, but is given {mask}",
                label=f"is {mask}",
                help="give it a value such as in(T,bool), with as many steps",
                at=("argument", "mask"),
            )


def _scores(call: LayerCall, output: Tensor) -> Mapping[str, tuple[Tensor, ...]]:
    query, _, key = attended(call)
    return {"scores": (Tensor((*query.shape[:-1], key.shape[-2]), output.dtype),)}


def _work(call: LayerCall, outcome: Outcome) -> Products:
    """Return the products of values and scores, and of queries and keys if scores are dot products."""
    query, value, key = attended(call)
    pairs = product(query.shape[:-1]) * value.shape[-2]
    dot = call.row.name == "attention" and call["score_mode"] == "dot"
    return Products(0, pairs * (value.shape[-1] + (key.shape[-1] if dot else 0)))


_MASKS = Param("mask", k.TENSORS, None, call=True)
_SHAPE = "... T F, ... S V, ... S' K -> ... T V"


def _scale(call: LayerCall) -> tuple[Weight, ...]:
    if call.row.name == "additive_attention":
        return (Weight("scale", (call.shape[-1],)),) if call["use_scale"] else ()
    scale = (Weight("scale", ()),) if call["use_scale"] else ()
    return scale + ((Weight("concat_score_weight", ()),) if call["score_mode"] == "concat" else ())


def attention_axes(call: LayerCall) -> tuple[int, ...]:
    """Return the axes that ``mha`` attends over, counted from the batch: all but batch and features."""
    rank = len(call.shape) + 1
    axes = call["attention_axes"]
    if axes is None:
        return tuple(range(1, rank - 1))
    found = tuple(a if a >= 0 else a + rank for a in ((axes,) if isinstance(axes, int) else axes))
    if not found or len(set(found)) < len(found) or not all(0 < a < rank - 1 for a in found):
        raise call.refuse(
            "ST312",
            f"cannot attend over axes {axes} of {call.inputs[0]}: only steps can be attended to",
            label="neither the batch nor the features, and each axis once",
            help=f"choose among {', '.join(map(str, range(1, rank - 1)))}",
            at=("argument", "attention_axes"),
        )
    return found


def _many_heads(call: LayerCall) -> Shape:
    """Return the output shape of ``mha``: that of the query, its last axis replaced by ``output_shape``."""
    _no_scores(call)
    _floats(call)
    _same_rank(call)
    query, value, key = attended(call)
    axes = attention_axes(call)
    for i, other in enumerate(call.inputs[1:], 1):
        for axis, (want, have) in enumerate(zip(query.shape[:-1], other.shape[:-1], strict=True), 1):
            if axis not in axes and not fits(want, have):
                help = "only the axes that are attended over may differ in size"
                raise _mismatch(call, f"the same size of axis {axis} in each value", query, other, i, help)
    _same_steps(call, value, key)
    _no_fused_dropout(call)
    if "query_mask" in call.tensors:
        raise call.refuse(
            "ST203",
            "reads the query's mask from the query itself, and would not look at this one",
            label="has no effect in Keras",
            help="give value_mask or attention_mask; a query's mask comes from embed(mask) or mask",
            at=("argument", "query_mask"),
        )
    _steps_only(call, axes)
    steps = tuple(query.shape[a - 1] for a in axes)
    others = tuple(value.shape[a - 1] for a in axes)
    rest = tuple(s for a, s in enumerate(query.shape[:-1], 1) if a not in axes)
    whole = (*rest, *steps, *others)
    _check_mask(call, "attention_mask", (whole, (*rest, call["num_heads"], *steps, *others)))
    for name in ("value_mask", "key_mask"):
        _check_mask(call, name, (others,))
    return (*query.shape[:-1], *_output_shape(call))


def _steps_only(call: LayerCall, axes: tuple[int, ...]) -> None:
    """Refuse more axes than one of steps: Keras makes these masks for the first axis after the batch."""
    for name in ("use_causal_mask", "sliding_window", "value_mask", "key_mask"):
        if (call.args.get(name) or name in call.tensors) and axes != (1,):
            raise call.refuse(
                "ST309",
                f"masks steps by {name} along the time axis alone, but attends over axes {axes}",
                label="works for one axis of steps",
                help="give attention_axes=1, or an attention_mask of the full shape",
                at=("argument", name),
            )


def _no_fused_dropout(call: LayerCall) -> None:
    if call["flash_attention"] and call["dropout"]:
        raise call.refuse(
            "ST203",
            "cannot drop out scores that flash attention never makes",
            label="not together with flash_attention",
            help="leave out dropout, or flash_attention",
            at=("argument", "dropout"),
        )


def _output_shape(call: LayerCall) -> Shape:
    out = call["output_shape"]
    if not out:
        return (call.shape[-1],)
    return out if isinstance(out, tuple) else (out,)


def _head_scores(call: LayerCall, output: Tensor) -> Mapping[str, tuple[Tensor, ...]]:
    if call["flash_attention"]:
        return {}
    query, value, _ = attended(call)
    axes = attention_axes(call)
    rest = tuple(s for a, s in enumerate(query.shape[:-1], 1) if a not in axes)
    steps = tuple(t.shape[a - 1] for t in (query, value) for a in axes)
    return {"scores": (Tensor((*rest, call["num_heads"], *steps), output.dtype),)}


def _projection(call: LayerCall, name: str, kernel: Shape, bias: Shape) -> tuple[Weight, ...]:
    weights = (Weight(f"{name}/kernel", kernel),)
    return weights + ((Weight(f"{name}/bias", bias),) if call["use_bias"] else ())


def _projections(call: LayerCall, key: Shape, value: Shape, whole: Shape, out: Shape) -> tuple[Weight, ...]:
    """Return the weights of an attention whose heads have these shapes, (heads, width)."""
    q, v, kk = (t.shape[-1] for t in attended(call))
    query = (whole[0], key[1])
    return (
        *_projection(call, "query", (q, *query), query),
        *_projection(call, "key", (kk, *key), key),
        *(_projection(call, "gate", (q, *whole), whole) if call["use_gate"] else ()),
        *_projection(call, "value", (v, *value), value),
        *_projection(call, "attention_output", (*whole, *out), out),
    )


def _mha_weights(call: LayerCall) -> tuple[Weight, ...]:
    heads, width = call["num_heads"], call["key_dim"]
    value = (heads, call["value_dim"] or width)
    return _projections(call, (heads, width), value, value, _output_shape(call))


def _grouped(call: LayerCall) -> Shape:
    """Return the output shape of ``group_query_attention``: the query's shape."""
    _no_scores(call)
    _floats(call)
    query, value, key = attended(call)
    _same_steps(call, value, key)
    if not fits(query.shape[-1], value.shape[-1]):
        help = f"bring the value to the query's width first: -> dense({query.shape[-1]})"
        raise _mismatch(call, "queries and values of one width", query, value, 1, help)
    _no_fused_dropout(call)
    heads: Size = call["num_query_heads"]
    groups: Size = call["num_key_value_heads"]
    if isinstance(heads, int) and isinstance(groups, int) and heads % groups:
        raise call.refuse(
            "ST203",
            f"shares {groups} keys among {heads} queries, which does not come out even",
            label=f"{heads} is not a multiple of {groups}",
            help="choose num_key_value_heads so that it divides num_query_heads",
            at=("argument", "num_key_value_heads"),
        )
    steps, others = query.shape[0], value.shape[0]
    _check_mask(call, "attention_mask", ((steps, others), (heads, steps, others)))
    _check_mask(call, "query_mask", ((steps,),))
    for name in ("value_mask", "key_mask"):
        _check_mask(call, name, ((others,),))
    return query.shape


def _grouped_scores(call: LayerCall, output: Tensor) -> Mapping[str, tuple[Tensor, ...]]:
    if call["flash_attention"]:
        return {}
    query, value, _ = attended(call)
    shape = (call["num_query_heads"], query.shape[0], value.shape[0])
    return {"scores": (Tensor(shape, compute_dtype(call.args)),)}


def _grouped_weights(call: LayerCall) -> tuple[Weight, ...]:
    width = call["head_dim"]
    few = (call["num_key_value_heads"], width)
    return _projections(call, few, few, (call["num_query_heads"], width), (call.shape[-1],))


def _head_work(call: LayerCall, outcome: Outcome) -> Products:
    """Return the products of projections, scores, values by scores, and the output projection."""
    query, value, key = attended(call)
    incoming = {"query": query, "gate": query, "key": key, "value": value}
    kernels = {w.name.partition("/")[0]: w.shape for w in outcome.weights if w.name.endswith("kernel")}
    projected = total(
        product([*incoming[name].shape[:-1], *shape]) for name, shape in kernels.items() if name in incoming
    )
    axes = attention_axes(call) if "attention_axes" in call.row.by_name else (1,)
    others = product(value.shape[a - 1] for a in axes)
    *heads, key_width = kernels["query"][1:]
    widths = key_width + kernels["value"][-1]
    places = product(query.shape[:-1])
    scores = product([places, *heads, others]) * widths
    return Products(projected, scores + product([places, *kernels["attention_output"]]))


_HEAD_PARAMS = (
    Param("kernel_initializer", k.INITIALIZER, "glorot_uniform"),
    Param("bias_initializer", k.INITIALIZER, "zeros"),
    Param("kernel_regularizer", k.REGULARIZER, None),
    Param("bias_regularizer", k.REGULARIZER, None),
    Param("activity_regularizer", k.REGULARIZER, None),
    Param("kernel_constraint", k.CONSTRAINT, None),
    Param("bias_constraint", k.CONSTRAINT, None),
    Param("use_gate", k.BOOL, False),
    SEED,
    Param("query_mask", k.TENSOR, None, call=True),
    Param("value_mask", k.TENSOR, None, call=True),
    Param("key_mask", k.TENSOR, None, call=True),
    Param("attention_mask", k.TENSOR, None, call=True),
    SCORES,
    CAUSAL,
)
_WINDOW = Param("sliding_window", k.optional(k.SIZE), None)
_FLASH = Param("flash_attention", k.optional(k.BOOL), None, unsaved="_flash_attention")

_ATTENTION: Mapping[str, Any] = {"time": timing.attends, "mask": masking.uses, "role": "attention"}

ROWS = (
    Row(
        "attention",
        "Attention",
        "Dot-product (Luong) attention: each query becomes a mix of the values whose keys are like it.",
        _SHAPE,
        "[in(T,64), in(S,64)] -> attention",
        **_ATTENTION,
        params=(
            Param("use_scale", k.BOOL, False),
            Param("score_mode", k.choice("dot", "concat"), "dot"),
            Param("dropout", k.RATE, 0.0),
            SEED,
            _MASKS,
            SCORES,
            CAUSAL,
        ),
        rule=_dot_product,
        weights=_scale,
        inputs=(2, 3),
        extras=_scores,
        work=_work,
    ),
    Row(
        "additive_attention",
        "AdditiveAttention",
        "Additive (Bahdanau) attention: scores are a learned sum over tanh(query + key).",
        _SHAPE,
        "[in(T,64), in(S,64)] -> additive_attention",
        **_ATTENTION,
        params=(
            Param("use_scale", k.BOOL, True),
            Param("dropout", k.RATE, 0.0),
            _MASKS,
            SCORES,
            CAUSAL,
        ),
        rule=_dot_product,
        weights=_scale,
        inputs=(2, 3),
        extras=_scores,
        work=_work,
    ),
    Row(
        "mha",
        "MultiHeadAttention",
        "Attention with several heads: of one value to itself, or of [query, value] or [query, value, key].",
        "T ... F, S ... V, S' ... K -> T ... F",
        "in(T,64) -> mha(8,64)",
        **_ATTENTION,
        params=(
            Param("num_heads", k.SIZE, short="heads"),
            Param("key_dim", k.SIZE),
            Param("value_dim", k.optional(k.SIZE), None),
            Param("dropout", k.RATE, 0.0),
            USE_BIAS,
            Param(
                "output_shape",
                k.optional(
                    k.either(
                        k.SIZE, k.each(k.SIZE), words=f"{k.SIZE.words}, or several of them in parentheses"
                    )
                ),
                None,
            ),
            Param("attention_axes", k.optional(k.AXES), None),
            _WINDOW,
            _FLASH,
            *_HEAD_PARAMS,
        ),
        positional=("num_heads", "key_dim"),
        rule=_many_heads,
        weights=_mha_weights,
        inputs=(1, 3),
        separate_inputs=True,
        aliases=("multi_head_attention",),
        extras=_head_scores,
        work=_head_work,
    ),
    Row(
        "group_query_attention",
        "GroupQueryAttention",
        "Attention with several heads, of which groups of queries share keys and values.",
        "T F, S V, S' K -> T F",
        "in(T,64) -> group_query_attention(16,8,2)",
        **_ATTENTION,
        params=(
            Param("head_dim", k.SIZE),
            Param("num_query_heads", k.SIZE),
            Param("num_key_value_heads", k.SIZE),
            Param("dropout", k.RATE, 0.0),
            USE_BIAS,
            _WINDOW,
            _FLASH,
            *_HEAD_PARAMS,
        ),
        positional=("head_dim", "num_query_heads", "num_key_value_heads"),
        rule=_grouped,
        weights=_grouped_weights,
        inputs=(1, 3),
        separate_inputs=True,
        aliases=("gqa", "grouped_query_attention"),
        extras=_grouped_scores,
        work=_head_work,
    ),
)
