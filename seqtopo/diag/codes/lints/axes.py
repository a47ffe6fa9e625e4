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
            "normalization by its `axis`, and `softmax` and recurrent layers always."
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
    Code(
        code="ST673",
        name="steps-of-a-vector",
        severity="warning",
        summary="`last`, `first` or `flip` works along the features of a vector, where steps are meant.",
        what=(
            "A recurrent layer without `seq`, or a pooling over all steps, gives one vector. Its only "
            "axis are the features, so `last(3)` keeps the last three of them."
        ),
        why=(
            "It builds, and looks like the last three steps. Most of what the layer has learned is "
            "thrown away."
        ),
        example="in(24,3) -> lstm(8) -> last(3) -> dense(1)",
        instead="in(24,3) -> lstm(8,seq) -> last(3) -> dense(1)",
    ),
    Code(
        code="ST674",
        name="normalized-by-step",
        severity="warning",
        summary="A batch normalization works along the time axis, and mixes all features of a step.",
        what=(
            "`batchnorm` has a mean and a scale for each place of its axis, the features by default. "
            "Along the time axis it has one for each step, over all features."
        ),
        why=(
            "Features of different units are then scaled alike, and the layer fits one length only. "
            "`axis=1` is right for data whose channels come first, as in PyTorch."
        ),
        example="in(24,3) -> batchnorm(axis=1) -> lstm(8) -> dense(1)",
        instead="in(24,3) -> batchnorm -> lstm(8) -> dense(1)",
    ),
    Code(
        code="ST675",
        name="softmax-over-time",
        severity="warning",
        summary="The answer's softmax works along the steps, and not over the classes of each.",
        what=(
            "`softmax(time)` makes weights of the steps, which add up to 1 over time. The model gives "
            "several numbers at each step, and those of a step do not."
        ),
        why=(
            "It is right for weights of an attention, one number a step. As the answer of a tagger it "
            "says for each class which step has it most."
        ),
        example="in(24,3) -> lstm(8,seq) -> dense(5) -> softmax(time)",
        instead="in(24,3) -> lstm(8,seq) -> dense(5) -> softmax",
    ),
    Code(
        code="ST676",
        name="order-not-seen",
        severity="info",
        summary="Attention reads ids whose positions nothing tells, so that their order is not seen.",
        what=(
            "Attention compares steps by what they are. Nothing on the way from the embedding to the "
            "answer, no `pos`, recurrent layer or convolution, says where they stand: shuffled ids give "
            "the same."
        ),
        why=("A text without its order is a bag of words. Where that is meant, all is well."),
        example="in(40,int) -> embed(500,32) -> mha(2,16) -> gavgpool1d -> dense(2,softmax)",
        instead="in(40,int) -> embed(500,32) -> pos -> mha(2,16) -> gavgpool1d -> dense(2,softmax)",
    ),
    Code(
        code="ST677",
        name="cut-scores",
        severity="warning",
        summary="Softmax or sigmoid is given scores that an activation has cut off or squeezed before.",
        what=(
            "Softmax and sigmoid make shares of any numbers. Behind relu none is below 0: sigmoid then "
            "never answers below 0.5. Behind tanh, which a recurrent layer has, all lie from -1 to 1."
        ),
        why=(
            "The model cannot be sure: with ten classes behind tanh, none ever gets more than 0.45. The "
            "loss stays high, and nothing says why."
        ),
        example="in(24,3) -> lstm(8) -> dense(5,relu) -> softmax",
        instead="in(24,3) -> lstm(8) -> dense(5) -> softmax",
    ),
    Code(
        code="ST678",
        name="steps-skipped",
        severity="warning",
        summary="A window moves on by more than its own length, so that some steps are never read.",
        what=(
            "`conv1d(8,2,strides=4)` reads two steps and jumps over the next two. A window of one place "
            "is left alone: a residual block goes on with fewer steps so."
        ),
        why=(
            "Half of the data is thrown away, in silence. `strides` no larger than the window reads all "
            "of it."
        ),
        example="in(24,3) -> conv1d(8,2,strides=4) -> lstm(8) -> dense(1)",
        instead="in(24,3) -> conv1d(8,4,strides=4) -> lstm(8) -> dense(1)",
    ),
)
