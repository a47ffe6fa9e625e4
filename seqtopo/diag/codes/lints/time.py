"""ST60x: time steps."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST601",
        name="one-step",
        severity="warning",
        summary="A recurrent layer is given a sequence of one step, so it never recurs.",
        what=(
            "The first axis of a sequence is time, and here its size is 1. The layer runs once, from a "
            "state of zeros, and has nothing to remember: it does what a dense layer with gates would."
        ),
        why=(
            "Data of shape (samples, 7) is often given its third axis at the wrong place, as (samples, 1, "
            "7). The 7 values of the past are then 7 features of one moment, and the model that should "
            "read them in their order sees them all at once. It trains, and not as a sequence model."
        ),
        example="in(1,7) -> lstm(32) -> dense(1)",
        instead="in(7,1) -> lstm(32) -> dense(1)",
    ),
    Code(
        code="ST602",
        name="one-step-at-a-time",
        severity="info",
        summary="A stateful model is trained on one step at a time, which teaches it nothing across steps.",
        what=(
            "The input has one step of several features, and a layer is `stateful`. The state is carried "
            "from batch to batch, but no gradient is: each step is learned on its own. What is fed its "
            "own output, or draws from a distribution over what it is given, is left alone."
        ),
        why=(
            "For prediction, one step at a time is what a stateful model is for. In training it means "
            "that the layer is never told which earlier step would have helped. Often the features are "
            "lags of one series, and were meant to be the steps."
        ),
        example="in(1,7,batch=1) -> lstm(4,stateful) -> dense(1)",
        instead="in(7,1) -> lstm(4) -> dense(1)",
    ),
    Code(
        code="ST603",
        name="axes-swapped",
        severity="warning",
        summary="The sizes of time steps and features seem to stand in each other's place.",
        what=(
            "A sequence is (time steps, features), as in `in(T,F)`. Here the symbols say it the other way "
            "round, or there are very few steps of very many features where a layer reads along the "
            "steps."
        ),
        why=(
            "Nothing refuses swapped axes: a recurrent layer would read the features one after the other, "
            "each with all its values in time as one vector. Recordings come as (channels, samples) from "
            "some tools and PyTorch's convolutions, and Keras wants the channels last."
        ),
        example="in(F,T) -> lstm(32) -> dense(1)",
        instead="in(T,F) -> lstm(32) -> dense(1)",
    ),
    Code(
        code="ST604",
        name="samples-in-input",
        severity="warning",
        summary="The number of samples, or the size of a batch, is declared as an axis of one sample.",
        what=(
            "`in(...)` gives the shape of one sample. Keras adds the axis of the batch in front, of any "
            "size. A first size called `BATCH` or `SAMPLES`, or the same number as `batch=`, would be an "
            "axis more."
        ),
        why=(
            "PyTorch and older tutorials write the shape with the batch. Written here, a sample would be "
            "a whole batch, and what seems to be one sequence would be a table of them. The data then "
            "fails to fit, or fits by chance and means something else."
        ),
        example="in(BATCH,T,8) -> dense(4)",
        instead="in(T,8) -> dense(4)",
    ),
    Code(
        code="ST605",
        name="reshape-for-permute",
        severity="warning",
        summary="A reshape gives the sizes of the axes in another order, which does not turn them.",
        what=(
            "`reshape` keeps the numbers in the order in which they lie, row by row, and cuts them anew. "
            "Turning (24, 3) into (3, 24) so makes a row of the first eight steps, not of the first "
            "feature. Turning (12, 7, 5) into (7, 60) cuts within the old steps. Where sizes are worked out "
            "and whole steps stay whole, as in `reshape(T//2,2*_)`, folding is meant and nothing is said."
        ),
        why=(
            "The shapes are as wished and the model trains, on numbers that belong to other steps. "
            "`permute` and `swap` move the axes themselves. Both are the same only where one of two sizes "
            "is 1."
        ),
        example="in(24,3) -> reshape(3,24) -> lstm(8)",
        instead="in(24,3) -> permute(2,1) -> lstm(8)",
    ),
    Code(
        code="ST606",
        name="length-comes-back-otherwise",
        severity="warning",
        summary="What is pooled and then upsampled comes out longer or shorter than it came in.",
        what=(
            "The model goes down in length and up again, as an autoencoder does, with as many features at "
            "the end as at the start, and the two lengths differ a little. Halving rounds where a length "
            "is odd, and a convolution without `same` takes steps off."
        ),
        why=(
            "The output is to be compared with the input, step by step, and cannot be. Keras says so at "
            "the first batch, with two numbers and no reason."
        ),
        example="in(23,1) -> conv1d(8,3,same) -> maxpool1d(2,same) -> upsample1d(2) -> conv1d(1,3,same)",
        instead="in(24,1) -> conv1d(8,3,same) -> maxpool1d(2,same) -> upsample1d(2) -> conv1d(1,3,same)",
    ),
    Code(
        code="ST607",
        name="stretched-merge",
        severity="warning",
        summary="An input of one feature is added to many: it is repeated for each of them.",
        what=(
            "A merge by elements stretches an axis of size 1. Here it is the one feature of a raw input, "
            "which is added to every unit of a wider value. Weights of a gate and attention are stretched "
            "on purpose, and are not meant."
        ),
        why=(
            "A residual block adds what came in to what a layer made of it, and the two are to be equally "
            "wide. With any other width than 1 it would be an error. With 1 it is silent, and the layer "
            "gets the same number added everywhere."
        ),
        example="in(T,1) -> [id, lstm(16,seq)] -> add -> lstm(8)",
        instead="in(T,1) -> [dense(16), lstm(16,seq)] -> add -> lstm(8)",
    ),
    Code(
        code="ST608",
        name="steps-never-meet",
        severity="info",
        summary="Dense layers alone follow a sequence of fixed length: each step is answered for itself.",
        what=(
            "`dense` acts on the last axis. On (3, 2) it does not flatten: it maps the 2 features of each "
            "of the 3 steps, with the same weights. No layer of this model lets one step know of another."
        ),
        why=(
            "Old versions of Keras and other libraries flatten in front of a dense layer, so one answer "
            "may be expected where three come out. Where each step is meant, `td(dense(4))` says so, and "
            "so do `labels` in `train`."
        ),
        example="in(3,2) -> dense(16,relu) -> dense(4)",
        instead="in(3,2) -> flatten -> dense(16,relu) -> dense(4)",
    ),
    Code(
        code="ST609",
        name="steps-as-units",
        severity="info",
        summary="A head has as many units as the text has steps, behind a layer that let the steps go.",
        what=(
            "Ids come in, a recurrent layer without `seq` makes one vector of them, and `dense` makes as "
            "many numbers of it as there were steps. These are features of one vector, not steps."
        ),
        why=(
            "For a tag at every word the steps have to be kept, and `dense` then gets the number of tags. "
            "Where one of the places in the text is to be chosen, a score at every step does it with far "
            "fewer weights."
        ),
        example="in(69,int) -> embed(500,100) -> lstm(150) -> dense(69,sigmoid)",
        instead="in(69,int) -> embed(500,100) -> lstm(150,seq) -> dense(3,softmax)",
    ),
    Code(
        code="ST610",
        name="answer-at-each-step",
        severity="info",
        on=False,
        summary="A softmax or sigmoid head stands behind a sequence, so there is an answer at every step.",
        what=(
            "The steps of the input are kept to the end, and the head gives one distribution for each. "
            "That is a tagger or a model of the next step. A classifier of whole samples has to let the "
            "steps end before its head."
        ),
        why=(
            "From the topology alone the two cannot be told apart, so this rule is off by default; "
            "`labels` in `train` settle it. Attention keeps its steps, and so do `lstm(64,seq)` and "
            "`dense`."
        ),
        example="in(50,int) -> embed(200,32) -> lstm(32,seq) -> dense(3,softmax)",
        instead="in(50,int) -> embed(200,32) -> lstm(32) -> dense(3,softmax)",
    ),
)
