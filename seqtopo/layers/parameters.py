"""Declare parameters that several families of layers share: units, kernels, low rank, axes as in Keras."""

from __future__ import annotations

from seqtopo.layers import kinds as k
from seqtopo.layers.row import LayerCall, Param
from seqtopo.layers.sizes import Shape, show_shape
from seqtopo.layers.values import FLOATS, Weight

DATA_FORMAT = Param("data_format", k.optional(k.choice("channels_last", "channels_first")), None)
PADDING = Param("padding", k.choice("valid", "same"), "valid")
CAUSAL_PADDING = Param("padding", k.choice("valid", "same", "causal"), "valid")
FILTERS = Param("filters", k.SIZE)
ACTIVATION = Param("activation", k.ACTIVATION, None)
USE_BIAS = Param("use_bias", k.BOOL, True, flags={"nobias": False})
SEED = Param("seed", k.SEED, None)
MASK = Param("mask", k.TENSOR, None, call=True)


def kernel_size(rank: int) -> Param:
    """Declare ``kernel_size``: the kernel's size along each axis."""
    return Param("kernel_size", k.spread(k.SIZE, rank))


def initializer(of: str, default: str) -> Param:
    """Declare the initializer of a weight: ``kernel_initializer``."""
    return Param(f"{of}_initializer", k.INITIALIZER, default)


def regularizers(*of: str) -> tuple[Param, ...]:
    """Declare the regularizers of several weights, in that order.

    >>> [p.name for p in regularizers("kernel", "bias")]
    ['kernel_regularizer', 'bias_regularizer']
    """
    return tuple(Param(f"{name}_regularizer", k.REGULARIZER, None) for name in of)


def constraints(*of: str) -> tuple[Param, ...]:
    """Declare the constraints of several weights, in that order."""
    return tuple(Param(f"{name}_constraint", k.CONSTRAINT, None) for name in of)


def check_floats(call: LayerCall) -> None:
    """Refuse whole numbers where a layer computes with fractions.

    Keras casts floats only, and lets ids through when it builds; then one backend or all of them
    break at the first batch.
    """
    incoming = call.inputs[0]
    if incoming.dtype not in FLOATS:
        raise call.refuse(
            "ST310",
            f"computes with fractions (float32) but is given {incoming.dtype}",
            label=f"is given {incoming.dtype}",
            help="embed the ids first, or leave the dtype out of in(...): it is float32 then",
            at=("input", 0),
        )


LORA = (
    Param("lora_rank", k.optional(k.integer(1)), None),
    Param("lora_alpha", k.optional(k.NUMBER), None),
)
QUANTIZATION = Param("quantization_config", k.NOTHING, None)


def with_lora(
    call: LayerCall, kernel: Weight, others: tuple[Weight, ...] = (), *, keeps_alpha: bool = False
) -> tuple[Weight, ...]:
    """Return the weights of a layer: with a ``lora_rank`` the kernel is frozen and two thin ones are trained.

    ``keeps_alpha`` says whether the Keras class uses the ``lora_alpha`` it is made with.

    Raises:
        Refusal: ST203, where the kernel has a constraint, which Keras does not combine with it, or
            for a ``lora_alpha`` that Keras would put the rank in place of.
    """
    rank = call["lora_rank"]
    if rank is None:
        return (kernel, *others)
    constraint = f"{kernel.name}_constraint"
    if call[constraint] is not None:
        raise call.refuse(
            "ST203",
            f"cannot have a lora_rank and a {constraint}",
            label="does not go with lora_rank",
            help=f"leave out {constraint} or lora_rank",
            at=("argument", constraint),
        )
    if not keeps_alpha and call["lora_alpha"] not in (None, rank):
        raise call.refuse(
            "ST203",
            "cannot have a lora_alpha other than its lora_rank: "
            f"Keras' {call.row.keras} uses the rank instead",
            label=f"would be {rank}",
            help="leave out lora_alpha, or use einsum_dense, which uses it",
            at=("argument", "lora_alpha"),
        )
    thin = "lora_embeddings" if kernel.name == "embeddings" else "lora_kernel"
    return (
        Weight(kernel.name, kernel.shape, trainable=False),
        *others,
        Weight(f"{thin}_a", (*kernel.shape[:-1], rank)),
        Weight(f"{thin}_b", (rank, kernel.shape[-1])),
    )


def axis_index(call: LayerCall, name: str, axis: int, shape: Shape | None = None) -> int:
    """Return the index of an axis in a shape without the batch: ``time`` (1) is 0, ``features`` (-1) the
    last.

    ``name`` is the argument's, for the place of an error; ``shape`` is the first incoming one if
    none is given.

    Raises:
        Refusal: ST312, for the batch axis and for one that the shape does not have.
    """
    shape = call.shape if shape is None else shape
    rank = len(shape)
    index = axis - 1 if axis > 0 else rank + axis
    if rank == 0:
        raise call.refuse(
            "ST312",
            "has no axis to work along: it is given one number for a sample, which is only its batch axis",
            label="() has no axis",
            help="give each value an axis first: write -> reshape(1) before this step",
            at=("argument", name),
        )
    if axis == 0 or index == -1:
        raise call.refuse(
            "ST312",
            f"cannot work along axis {axis}: it is the batch, whose samples must not mix",
            label="would mix the samples of the batch",
            help="write time, features, or a number: 1 is the first axis after the batch, -1 the last",
            at=("argument", name),
        )
    if not 0 <= index < rank:
        known = f"1 to {rank}" if rank > 1 else "1"
        raise call.refuse(
            "ST312",
            f"has no axis {axis}: it is given {show_shape(shape)}, whose axes are {known}",
            label=f"{show_shape(shape)} has no axis {axis}",
            help="write time, features, or a number: 1 is the first axis after the batch, -1 the last",
            at=("argument", name),
        )
    return index


def axis_indices(call: LayerCall, name: str = "axis") -> tuple[int, ...]:
    """Return the indices of an argument that is one axis or several, in the order they are written.

    Raises:
        Refusal: ST312, for an axis that is named twice or not at all.

    >>> from seqtopo.layers.row import Row
    >>> from seqtopo.layers.values import Tensor
    >>> row = Row("norm", "LayerNormalization", "", "... -> ...", "")
    >>> axis_indices(LayerCall(row, {"axis": (1, -1)}, (Tensor((24, 8)),), {}, {}))
    (0, 1)
    """
    value = call[name]
    axes = value if isinstance(value, (tuple, list)) else (value,)
    found = tuple(axis_index(call, name, axis) for axis in axes)
    if not found or len(set(found)) < len(found):
        raise call.refuse(
            "ST312",
            "names an axis twice" if found else "names no axis",
            label="each axis once, at least one",
            help="name each axis once; features is the last one, the same as -1",
            at=("argument", name),
        )
    return found
