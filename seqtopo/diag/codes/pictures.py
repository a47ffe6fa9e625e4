"""ST45x to ST46x: the spec is fine, but cannot be drawn as asked."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS = (
    Code(
        code="ST451",
        name="too-large-to-draw",
        summary="A picture of the spec would have more boxes than anybody can read.",
        what=(
            "`seqtopo draw` makes one box for each layer, and one for copies that `* n` or `for` makes one "
            "after the other. This spec comes to more boxes than the limit even so. Draw a part of it "
            "with `--part NAME`, or fold what repeats."
        ),
        why=(
            "A picture of thousands of boxes takes long to lay out and shows nothing. Where layers repeat, "
            "one box with their number says the same."
        ),
        reason="The spec is fine for everything but a picture; `seqtopo check` lists its layers.",
    ),
    Code(
        code="ST452",
        name="not-unrolled",
        summary="The spec cannot be drawn step by step.",
        what=(
            "`seqtopo draw --unrolled` puts time steps side by side: inputs below, states going to the "
            "right, outputs above. This spec has nothing that goes along steps, or more layers on top of "
            "each other than fit into such a picture. The message says which. Draw it without `--unrolled`."
        ),
        why=(
            "The drawing is for what happens from step to step. Where nothing does, or a hundred layers "
            "do, the graph of layers says more."
        ),
        reason="The spec is fine; it is only this kind of picture that it does not have.",
    ),
    Code(
        code="ST453",
        name="no-pillow",
        summary="A PNG is wanted, and Pillow is not installed.",
        what=(
            "SVG, text and Mermaid need nothing beside seqtopo. A PNG is drawn by Pillow, a Python package "
            "without system libraries of its own: the extra `draw` brings it, and the message "
            "says by which command."
        ),
        why=(
            "Checking a spec should stay light to install. So what one kind of picture needs comes as an "
            "extra, and is asked for when such a picture is."
        ),
        reason="It depends on what is installed, not on the spec.",
    ),
    Code(
        code="ST454",
        name="no-feedback",
        summary="What a spec gives cannot be fed back into it.",
        what=(
            "`seqtopo draw --feedback` draws the output as the next input, as `seqtopo.rollout` and "
            "`seqtopo.generate` feed it back. For that, a step of an input must have as many features as "
            "the output, or more where some are known ahead; or the input takes ids, of which one is chosen. "
            "With `--unrolled`, there must be an output at every step of that input: then each goes to the "
            "step after it."
        ),
        why=(
            "An arrow from an output to an input says that the model can go on by itself. Here it cannot: "
            "shapes do not fit, or one output stands for the whole sequence."
        ),
        reason="The spec is fine; it is only this kind of picture that it does not have.",
    ),
)
