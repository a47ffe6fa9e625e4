"""ST67x: axes and channels."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST670",
        name="mixed-data-formats",
        severity="warning",
        summary="Some layers take the first axis for the channels, and others after them the last.",
        what=(
            "`channels_first` belongs to one layer. What follows takes the last axis for the channels unless "
            "it says otherwise: convolutions, pooling and upsampling by their own `data_format`, a "
            "normalization by its `axis`, and `dense`, `softmax` and recurrent layers always."
        ),
        why=(
            "The shapes fit, and the model trains. But it normalizes columns and not channels, or slides its "
            "kernel over the channels as if they were places."
        ),
        example="in(8,8,1) -> conv2d(4,3,same) -> maxpool2d(2,channels_first)",
        instead="in(8,8,1) -> conv2d(4,3,same) -> maxpool2d(2)",
    ),
    Code(
        code="ST671",
        name="rows-as-steps",
        severity="info",
        summary="The rows of a wide image are read as time steps.",
        what=(
            "An image is (height, width, channels). A `reshape` that keeps the first axis and joins the "
            "other two makes each row a step. Where the image is at least twice as wide as it is high, as a "
            "line of text is, the columns may be what is meant."
        ),
        why=(
            "The model then reads from the top to the bottom, and gives an answer for each row. It trains, "
            "and never learns the order of the letters. Where the first axis is time, all is well."
        ),
        example="in(16,128,3) -> reshape(16,128*3) -> bi(gru(8)) -> dense(10,softmax)",
        instead="in(16,128,3) -> permute(2,1,3) -> reshape(128,16*3) -> bi(gru(8)) -> dense(10,softmax)",
    ),
    Code(
        code="ST672",
        name="image-turned",
        severity="warning",
        summary="An image seems to have its channels where its first layer does not look for them.",
        what=(
            "Keras reads an image as (height, width, channels), PyTorch as (channels, height, width). This "
            "`in(...)` has 1, 3 or 4 at the end where the layer behind it takes a height or a width, and two "
            "sides like those of an image elsewhere."
        ),
        why=(
            "The convolution slides over the channels and one side, and takes the other side for channels. "
            "It builds and trains, with far more weights in its kernel, and sees no shapes in the image."
        ),
        example="in(3,32,32) -> conv2d(16,3,same) -> gavgpool2d -> dense(10,softmax)",
        instead="in(32,32,3) -> conv2d(16,3,same) -> gavgpool2d -> dense(10,softmax)",
    ),
)
