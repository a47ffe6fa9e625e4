"""Describe in words layers that work on features, ids and values."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.layers.sizes import Size, count
from seqtopo.walkthrough.call_view import CallView, is_ids, the

_ACTIVATED = {
    "softmax": "softmax makes {them} shares between 0 and 1 that add up to 1",
    "sigmoid": "sigmoid brings {them} between 0 and 1",
    "tanh": "tanh brings {them} between -1 and 1",
    "relu": "relu turns what is below 0 into 0",
    "linear": "linear leaves {them} unchanged",
}


def activated(name: object, them: str = "them") -> Iterator[str]:
    """Describe what an activation does to what it is given."""
    if isinstance(name, str) and name in _ACTIVATED:
        yield _ACTIVATED[name].format(them=them)
    elif name is not None:
        yield f"the function {name} is applied to {them}"


def dense(call: CallView) -> Iterator[str]:
    """Describe a ``dense``: on a vector, or on the features of every step."""
    before, after = call.input.shape[-1], call.output.shape[-1]
    each = "the one number that goes out is" if after == 1 else f"each of the {after} numbers that go out is"
    made = f"{each} a weighted sum of {_incoming_words(before)}"
    if len(call.input.shape) > 1:
        yield f"at each of {the(call.steps, 'step')}, with the same weights: {made}"
    else:
        yield f"fully connected: {made}"
    if after == 1 and call.get("activation") == "softmax":
        yield "softmax over one number is always 1"
    else:
        yield from activated(call.get("activation"), "them" if after != 1 else "it")


def _incoming_words(before: Size) -> str:
    return "the one that comes in" if before == 1 else f"the {before} that come in"


def embedding(call: CallView) -> Iterator[str]:
    """Describe an ``embed``: from ids to vectors."""
    if not call.input.shape:
        return
    width, vocabulary = call.get("output_dim"), call.get("input_dim")
    yield f"each id below {vocabulary} becomes the vector of {count(width, 'number')} that is learned for it"
    if call.get("mask_zero"):
        yield "with mask, id 0 counts as padding: recurrent layers behind it skip those steps"


def masking(call: CallView) -> Iterator[str]:
    """Describe a ``mask``."""
    value = call.get("mask_value")
    yield f"steps that hold nothing but {value} are skipped by the recurrent layers behind it"


def dropped(call: CallView) -> Iterator[str]:
    """Describe ``dropout`` and similar layers."""
    rate = call.get("rate")
    if isinstance(rate, (int, float)):
        if rate > 0:
            yield f"rate {rate:g}: about {rate:.0%} of them; in use, nothing is dropped"
        else:
            yield "with a rate of 0, none of them"


def normalized(call: CallView) -> Iterator[str]:
    """Describe ``norm``, ``batchnorm`` and similar layers."""
    yield "the shape stays as it is"


def positions(call: CallView) -> Iterator[str]:
    """Describe ``pos``."""
    yield "what follows can tell by it where in the sequence a step stands"


def one_hot(call: CallView) -> Iterator[str]:
    """Describe ``one_hot``."""
    if is_ids(call.input):
        yield f"each id becomes {count(call.output.shape[-1], 'number')}"


def activation(call: CallView) -> Iterator[str]:
    """Describe ``act`` and the bare activations."""
    if not call.input.shape:
        return
    where = f" at each of {the(call.steps, 'step')}" if len(call.input.shape) > 1 else ""
    yield from activated(call.get("activation"), the(call.input.shape[-1], "number") + where)


def softmax(call: CallView) -> Iterator[str]:
    """Describe ``softmax`` as a layer of its own."""
    axis = call.axis()
    if axis == len(call.input.shape) - 1:
        where = "" if axis == 0 else f" at each of {the(call.steps, 'step')}"
        yield f"{the(call.input.shape[-1], 'number')}{where} become shares between 0 and 1 that add up to 1"
    elif axis == 0:
        yield f"the shares of {the(call.steps, 'step')} add up to 1: how much each of them counts"


def reduced(call: CallView) -> Iterator[str]:
    """Describe ``mean``, ``sum``, ``max`` and ``min`` over an axis."""
    if call.axis() == 0 and len(call.output.shape) < len(call.input.shape):
        yield f"{the(call.steps, 'step')} become one: the time axis is gone"


def merged(call: CallView) -> Iterator[str]:
    """Describe ``add``, ``mul`` and the other merges of several values of one shape."""
    if len(call.inputs) < 2:
        yield from reduced(call)
        return
    if len({tensor.shape for tensor in call.inputs}) > 1:
        yield "where one has size 1 on an axis, it is used again along that axis"


def concatenated(call: CallView) -> Iterator[str]:
    """Describe ``concat``."""
    if len(call.inputs) < 2:
        return
    if len(call.output.shape) > len(call.inputs[0].shape):
        yield f"side by side along a new axis, of {len(call.inputs)}"
        return
    axis = call.axis()
    if axis is not None and axis < len(call.output.shape):
        sizes = " + ".join(str(tensor.shape[axis]) for tensor in call.inputs[:6])
        more = " + ..." if len(call.inputs) > 6 else ""
        last = axis == len(call.output.shape) - 1
        what = ("numbers" if len(call.output.shape) == 1 else "features") if last else "steps"
        yield f"side by side, {sizes}{more} {what} make {call.output.shape[axis]}"


def attention(call: CallView) -> Iterator[str]:
    """Describe ``attention``, ``additive_attention``, ``mha`` and ``group_query_attention``."""
    causal = call.get("use_causal_mask")
    only = " that are not later" if causal else ""
    if len(call.inputs) == 1 or len(set(call.node.inputs)) == 1:
        steps = the(call.steps, "step")
        yield f"each of {steps} looks at all of them{only}, and becomes a mix of what it finds"
        return
    query, value = call.inputs[0], call.inputs[1]
    names = [call.called(node) for node in call.node.inputs]
    if query.shape and value.shape:
        yield (
            f"{the(query.shape[0], 'step')} of {names[0]} (the query) each look at "
            f"{the(value.shape[0], 'step')} of {names[1]} (the value){only}, and become a mix of them"
        )
        yield f"the result has the steps of the query: {call.output.shape[0]}"
