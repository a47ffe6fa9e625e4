"""Describe in words layers that work on features, ids and values."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.layers.sizes import Size, count
from seqtopo.walkthrough.call_view import At, is_ids, the

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


def dense(at: At) -> Iterator[str]:
    """Describe a ``dense``: on a vector, or on the features of every step."""
    before, after = at.came.shape[-1], at.gives.shape[-1]
    each = "the one number that goes out is" if after == 1 else f"each of the {after} numbers that go out is"
    made = f"{each} a weighted sum of {_incoming_words(before)}"
    if len(at.came.shape) > 1:
        yield f"at each of {the(at.steps, 'step')}, with the same weights: {made}"
    else:
        yield f"fully connected: {made}"
    if after == 1 and at.get("activation") == "softmax":
        yield "softmax over one number is always 1"
    else:
        yield from activated(at.get("activation"), "them" if after != 1 else "it")


def _incoming_words(before: Size) -> str:
    return "the one that comes in" if before == 1 else f"the {before} that come in"


def embedding(at: At) -> Iterator[str]:
    """Describe an ``embed``: from ids to vectors."""
    if not at.came.shape:
        return
    width, vocabulary = at.get("output_dim"), at.get("input_dim")
    yield f"each id below {vocabulary} becomes the vector of {count(width, 'number')} that is learned for it"
    if at.get("mask_zero"):
        yield "with mask, id 0 counts as padding: recurrent layers behind it skip those steps"


def masking(at: At) -> Iterator[str]:
    """Describe a ``mask``."""
    yield f"steps that hold nothing but {at.get('mask_value')} are skipped by the recurrent layers behind it"


def dropped(at: At) -> Iterator[str]:
    """Describe ``dropout`` and similar layers."""
    rate = at.get("rate")
    if isinstance(rate, (int, float)):
        if rate > 0:
            yield f"rate {rate:g}: about {rate:.0%} of them; in use, nothing is dropped"
        else:
            yield "with a rate of 0, none of them"


def normalized(at: At) -> Iterator[str]:
    """Describe ``norm``, ``batchnorm`` and similar layers."""
    yield "the shape stays as it is"


def positions(at: At) -> Iterator[str]:
    """Describe ``pos``."""
    yield "what follows can tell by it where in the sequence a step stands"


def one_hot(at: At) -> Iterator[str]:
    """Describe ``one_hot``."""
    if is_ids(at.came):
        yield f"each id becomes {count(at.gives.shape[-1], 'number')}"


def activation(at: At) -> Iterator[str]:
    """Describe ``act`` and the bare activations."""
    if not at.came.shape:
        return
    where = f" at each of {the(at.steps, 'step')}" if len(at.came.shape) > 1 else ""
    yield from activated(at.get("activation"), the(at.came.shape[-1], "number") + where)


def softmax(at: At) -> Iterator[str]:
    """Describe ``softmax`` as a layer of its own."""
    axis = at.axis()
    if axis == len(at.came.shape) - 1:
        where = "" if axis == 0 else f" at each of {the(at.steps, 'step')}"
        yield f"{the(at.came.shape[-1], 'number')}{where} become shares between 0 and 1 that add up to 1"
    elif axis == 0:
        yield f"the shares of {the(at.steps, 'step')} add up to 1: how much each of them counts"


def reduced(at: At) -> Iterator[str]:
    """Describe ``mean``, ``sum``, ``max`` and ``min`` over an axis."""
    if at.axis() == 0 and len(at.gives.shape) < len(at.came.shape):
        yield f"{the(at.steps, 'step')} become one: the time axis is gone"


def merged(at: At) -> Iterator[str]:
    """Describe ``add``, ``mul`` and the other merges of several values of one shape."""
    if len(at.every) < 2:
        yield from reduced(at)
        return
    if len({tensor.shape for tensor in at.every}) > 1:
        yield "where one has size 1 on an axis, it is used again along that axis"


def concatenated(at: At) -> Iterator[str]:
    """Describe ``concat``."""
    if len(at.every) < 2:
        return
    if len(at.gives.shape) > len(at.every[0].shape):
        yield f"side by side along a new axis, of {len(at.every)}"
        return
    axis = at.axis()
    if axis is not None and axis < len(at.gives.shape):
        sizes = " + ".join(str(tensor.shape[axis]) for tensor in at.every[:6])
        more = " + ..." if len(at.every) > 6 else ""
        last = axis == len(at.gives.shape) - 1
        what = ("numbers" if len(at.gives.shape) == 1 else "features") if last else "steps"
        yield f"side by side, {sizes}{more} {what} make {at.gives.shape[axis]}"


def attention(at: At) -> Iterator[str]:
    """Describe ``attention``, ``additive_attention``, ``mha`` and ``group_query_attention``."""
    causal = at.get("use_causal_mask")
    only = " that are not later" if causal else ""
    if len(at.every) == 1 or len(set(at.node.inputs)) == 1:
        steps = the(at.steps, "step")
        yield f"each of {steps} looks at all of them{only}, and becomes a mix of what it finds"
        return
    query, value = at.every[0], at.every[1]
    names = [at.called(node) for node in at.node.inputs]
    if query.shape and value.shape:
        yield (
            f"{the(query.shape[0], 'step')} of {names[0]} (the query) each look at "
            f"{the(value.shape[0], 'step')} of {names[1]} (the value){only}, and become a mix of them"
        )
        yield f"the result has the steps of the query: {at.gives.shape[0]}"
