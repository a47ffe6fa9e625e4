"""ST70x: labels and loss against what the model gives."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST701",
        name="labels-count",
        summary="There are more or fewer labels, or losses, than outputs.",
        what=(
            "A model with two outputs needs labels for each of them, in the order of the outputs. A list of "
            "losses, too, has one for each output. Here their numbers differ."
        ),
        why=(
            "Keras pairs labels, losses and outputs by their order and stops where one is left over. It "
            "does so at the first batch, after the model was built and the data was loaded."
        ),
        example=(
            "read = in(20,4) -> lstm(8)\nnext = read -> dense(1)\nkind = read -> dense(3,softmax)\n"
            "[next, kind]\ntrain adam, loss=[mse, categorical_crossentropy], labels=(1)"
        ),
        instead=(
            "read = in(20,4) -> lstm(8)\nnext = read -> dense(1)\nkind = read -> dense(3,softmax)\n"
            "[next, kind]\ntrain adam, loss=[mse, categorical_crossentropy], labels=[(1), (3)]"
        ),
    ),
    Code(
        code="ST702",
        name="label-shape",
        summary="A label has another shape than the output that it is compared with.",
        what=(
            "What the model gives and what it is told to give do not fit: one answer for the whole sequence "
            "against one for every step, another number of steps, or another width. The message blames the "
            "layer where they part."
        ),
        why=(
            "A recurrent layer without `seq` ends the time axis, and `dense` never does: it works at each "
            "step by itself. Keras tells the two shapes when the first batch fails, and not which layer to "
            "change."
        ),
        example="in(50,8) -> lstm(64,seq) -> dense(3,softmax)\n"
        "train adam, loss=categorical_crossentropy, labels=(3)",
        instead="in(50,8) -> lstm(64) -> dense(3,softmax)\n"
        "train adam, loss=categorical_crossentropy, labels=(3)",
    ),
    Code(
        code="ST703",
        name="label-broadcast",
        summary="The labels do not fit the output, and the loss would stretch one to the other in silence.",
        what=(
            "The shapes of labels and output differ, but one can be stretched to the other as NumPy does "
            "it. `mse` and its like do not refuse that. They compare every label with every number it "
            "meets."
        ),
        why=(
            "Training runs, the loss goes down, and what is learned is something like the mean of all "
            "steps. Nothing ever says so. It is refused here because no one means it."
        ),
        example="in(20,4) -> lstm(20) -> dense(1)\ntrain adam, loss=mse, labels=(20,1)",
        instead="in(20,4) -> lstm(20,seq) -> dense(1)\ntrain adam, loss=mse, labels=(20,1)",
    ),
    Code(
        code="ST704",
        name="ids-or-one-hot",
        summary="The labels are class ids where the loss wants one-hot, or the other way round.",
        what=(
            "`sparse_categorical_crossentropy` wants one whole number for each answer, the id of the class. "
            "`categorical_crossentropy` wants a number for each class, 1 for the right one. The labels are "
            "of the other kind."
        ),
        why=(
            "Both say the same, and both losses learn the same. Keras does not translate between them, and "
            "its error speaks of ranks. Change the loss or the labels, whichever is easier."
        ),
        example="in(20,4) -> lstm(8) -> dense(10,softmax)\n"
        "train adam, loss=sparse_categorical_crossentropy, labels=(10)",
        instead="in(20,4) -> lstm(8) -> dense(10,softmax)\n"
        "train adam, loss=sparse_categorical_crossentropy, labels=(int(10))",
    ),
    Code(
        code="ST705",
        name="label-ids",
        summary="A label is the id of a class that the model does not have.",
        what=(
            "A last layer of 100 units knows the classes 0 to 99. A label beyond them, or below 0, is none. "
            "Very often the ids were counted from 1."
        ),
        why=(
            "On some backends this fails at some batch, with an error from deep inside; on others the label "
            "counts for nothing, or the loss is NaN. With ids from 1, subtract 1."
        ),
        example="in(20,4) -> lstm(8) -> dense(100,softmax)\n"
        "train adam, loss=sparse_categorical_crossentropy, labels=(int(101))",
        instead="in(20,4) -> lstm(8) -> dense(101,softmax)\n"
        "train adam, loss=sparse_categorical_crossentropy, labels=(int(101))",
    ),
    Code(
        code="ST706",
        name="ctc-too-short",
        summary="CTC has fewer steps than the label has symbols.",
        what=(
            "CTC aligns each symbol of a label with at least one step of the output. Where a symbol follows "
            "itself it needs one step more in between, for the blank. Convolutions with strides and pools "
            "before it have left too few steps."
        ),
        why=(
            "There is no alignment, so the loss is infinite, and training goes nowhere or ends in NaN. The "
            "shapes alone do not show it, since labels and outputs may have different lengths."
        ),
        example="in(312,20) -> conv1d(32,3,same) -> maxpool1d(8) -> dense(100)\n"
        "train adam, loss=ctc, labels=(64,int(100))",
        instead="in(312,20) -> conv1d(32,3,same) -> maxpool1d(4) -> dense(100)\n"
        "train adam, loss=ctc, labels=(64,int(100))",
    ),
    Code(
        code="ST707",
        name="label-shape-without-loss",
        severity="warning",
        summary="The labels fit the output under no loss there is.",
        what=(
            "No loss is named, so it is not known how labels and output will be compared. Neither as ids "
            "nor number by number do their shapes fit, though."
        ),
        why=(
            "Most often time was kept where one answer is wanted, or given up where one is wanted at every "
            "step. With `loss=...` in a `train` statement it is known for certain."
        ),
        example="in(50,8) -> lstm(64,seq) -> dense(3)\ntrain adam, labels=(50,7)",
        instead="in(50,8) -> lstm(64,seq) -> dense(7)\ntrain adam, labels=(50,7)",
    ),
    Code(
        code="ST708",
        name="label-range",
        severity="warning",
        summary="Some labels are numbers that the loss does not take.",
        what=(
            "`binary_crossentropy` wants labels from 0 to 1, and `categorical_crossentropy` labels that add "
            "up to 1. Some of the labels lie outside."
        ),
        why=(
            "It trains, but on a loss that means nothing there: it may fall below 0, and without end. Class "
            "ids want `sparse_categorical_crossentropy`, numbers of their own `mse`."
        ),
        example="in(20,4) -> lstm(8) -> dense(1,sigmoid)\n"
        "train adam, loss=binary_crossentropy, labels=(1,int(5))",
        instead="in(20,4) -> lstm(8) -> dense(5,softmax)\n"
        "train adam, loss=sparse_categorical_crossentropy, labels=(1,int(5))",
    ),
    Code(
        code="ST709",
        name="label-reach",
        severity="info",
        summary="Some labels are numbers that the last layer cannot give.",
        what=(
            "A sigmoid gives numbers from 0 to 1, tanh from -1 to 1, relu none below 0. Some of the labels "
            "lie outside."
        ),
        why=(
            "It trains, and never gets near those labels: the loss stays large. Scale the labels, or end "
            "with a plain `dense`, which gives any number. Where few labels lie outside, it may be meant."
        ),
        example="in(20,4) -> lstm(8) -> dense(1,sigmoid)\ntrain adam, loss=mse, labels=(1,int(5))",
        instead="in(20,4) -> lstm(8) -> dense(1)\ntrain adam, loss=mse, labels=(1,int(5))",
    ),
)
