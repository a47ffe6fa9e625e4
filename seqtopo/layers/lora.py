"""Low-rank adaptation of a kernel, and quantization: parameters that Keras gives a few layers."""

from __future__ import annotations

from seqtopo.layers import kinds as k
from seqtopo.layers.row import Given, Param
from seqtopo.layers.values import Weight

LORA = (
    Param("lora_rank", k.optional(k.integer(1)), None),
    Param("lora_alpha", k.optional(k.NUMBER), None),
)
QUANTIZATION = Param("quantization_config", k.NOTHING, None)


def with_lora(
    given: Given, kernel: Weight, others: tuple[Weight, ...] = (), *, keeps_alpha: bool = False
) -> tuple[Weight, ...]:
    """Return the weights of a layer: with a ``lora_rank`` the kernel is frozen and two thin ones are trained.

    ``keeps_alpha`` says whether the Keras class uses the ``lora_alpha`` it is made with.

    Raises:
        Refusal: ST203, where the kernel has a constraint, which Keras does not combine with it, or
            for a ``lora_alpha`` that Keras would put the rank in place of.
    """
    rank = given["lora_rank"]
    if rank is None:
        return (kernel, *others)
    constraint = f"{kernel.name}_constraint"
    if given[constraint] is not None:
        raise given.refuse(
            "ST203",
            f"cannot have a lora_rank and a {constraint}",
            label="does not go with lora_rank",
            help=f"leave out {constraint} or lora_rank",
            at=("argument", constraint),
        )
    if not keeps_alpha and given["lora_alpha"] not in (None, rank):
        raise given.refuse(
            "ST203",
            "cannot have a lora_alpha other than its lora_rank: "
            f"Keras' {given.row.keras} uses the rank instead",
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
