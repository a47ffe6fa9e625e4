"""ST62x: heads and losses."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST620",
        name="relu-on-a-regression",
        severity="info",
        summary="The last layer of a regression ends in relu, so no answer is below 0.",
        what=(
            "Relu cuts everything below 0 off. A regression that ends in it cannot answer a negative number, "
            "and where all that comes in is below 0 its gradient is 0 as well."
        ),
        why=(
            "Prices and counts are never negative, so relu seems natural. If the first weights happen to "
            "give only negative numbers, the model answers 0 for ever and the loss stands still. A plain "
            "`dense(1)` learns the range by itself, and `softplus` stays above 0 without getting stuck."
        ),
        example="in(24,3) -> lstm(8) -> dense(1,relu)\ntrain adam, loss=mse",
        instead="in(24,3) -> lstm(8) -> dense(1,softplus)\ntrain adam, loss=mse",
    ),
    Code(
        code="ST621",
        name="softmax-over-one",
        severity="warning",
        summary="A softmax over one number is always 1.0.",
        what=(
            "Softmax divides each number by the sum of all of them, so that they add up to 1. Where there is "
            "only one number, it is 1.0 whatever comes in. The layer gives a constant."
        ),
        why=(
            "Such a model builds and trains, and its output never changes. For one binary answer `sigmoid` "
            "is meant; for weights over the time steps, a softmax along time."
        ),
        example="in(3,1) -> lstm(8) -> dense(1,softmax)",
        instead="in(3,1) -> lstm(8) -> dense(1,sigmoid)",
    ),
    Code(
        code="ST622",
        name="sigmoid-with-classes",
        severity="warning",
        summary="Sigmoid answers each class apart, and the loss takes one choice among all of them.",
        what=(
            "A categorical crossentropy looks at the share of the right class, and expects that the shares "
            "of all classes add up to 1. Sigmoid gives each class a share of its own, whatever the others "
            "have."
        ),
        why=(
            "Such a model trains, and its loss goes down. It is not told to keep the wrong classes low, "
            "though, so its answers are no probabilities. Exclusive classes want `softmax`; labels that may "
            "hold together want `binary_crossentropy`."
        ),
        example="in(31) -> dense(40,relu) -> dense(3,sigmoid)\ntrain adam, loss=categorical_crossentropy",
        instead="in(31) -> dense(40,relu) -> dense(3,softmax)\ntrain adam, loss=categorical_crossentropy",
    ),
    Code(
        code="ST623",
        name="softmax-with-yes-or-no",
        severity="warning",
        summary="Softmax lets one class win, and the loss asks a yes-or-no question for each.",
        what=(
            "A binary crossentropy takes each number for the answer to a question of its own. The numbers of "
            "a softmax add up to 1, so that two of them can never both be near 1."
        ),
        why=(
            "Where several labels may hold, such a model cannot say so. Where one holds, the loss is "
            "mostly about the many classes that are wrong, and Keras reports an accuracy near 1 from the "
            "start. With two classes both losses come to the same, and nothing is said."
        ),
        example="in(24,3) -> lstm(8) -> dense(5,softmax)\ntrain adam, loss=binary_crossentropy",
        instead="in(24,3) -> lstm(8) -> dense(5,sigmoid)\ntrain adam, loss=binary_crossentropy",
    ),
    Code(
        code="ST624",
        name="no-probabilities",
        severity="warning",
        summary="The loss takes a logarithm of what the model gives, and that may be any number.",
        what=(
            "A crossentropy takes the logarithm of a probability, `poisson` that of a rate. The last layer "
            "has no activation that keeps its numbers in that range: none at all, or one such as relu or "
            "tanh."
        ),
        why=(
            "Keras cuts what is out of range off before it takes the logarithm. There is no gradient there, "
            "so the model learns slowly or not at all, and no message says why. Either the last layer "
            "makes probabilities, or the loss is told that it gets plain scores: `from_logits=true`."
        ),
        example="in(24,3) -> lstm(8) -> dense(5)\ntrain adam, loss=categorical_crossentropy",
        instead="in(24,3) -> lstm(8) -> dense(5,softmax)\ntrain adam, loss=categorical_crossentropy",
    ),
    Code(
        code="ST625",
        name="scores-wanted",
        severity="warning",
        summary="The loss wants plain scores, and the last layer has made probabilities of them.",
        what=(
            "With `from_logits=true`, a crossentropy applies softmax or sigmoid itself. "
            "The hinge losses want numbers on both sides of 0. Here the last layer has made shares between 0 "
            "and 1 before."
        ),
        why=(
            "A softmax of a softmax is nearly flat: the best of ten classes gets a share of 0.23 at most. "
            "The model still trains a little, so that nobody looks for the mistake here."
        ),
        example="in(24,3) -> lstm(8) -> dense(5,softmax)\n"
        "train adam, loss=categorical_crossentropy(from_logits=true)",
        instead="in(24,3) -> lstm(8) -> dense(5)\n"
        "train adam, loss=categorical_crossentropy(from_logits=true)",
    ),
    Code(
        code="ST626",
        name="activation-twice",
        severity="warning",
        summary="A softmax or sigmoid is applied to what is one already.",
        what=(
            "What comes in lies between 0 and 1. A second softmax or sigmoid squeezes it into a small part "
            "of that range: sigmoid gives 0.5 to 0.73, and a softmax over ten classes at most 0.23."
        ),
        why=(
            "It happens where a layer has its activation and a step behind it applies the same once more. "
            "The model trains, and can never be sure of an answer."
        ),
        example="in(24,3) -> lstm(8) -> dense(5,softmax) -> softmax",
        instead="in(24,3) -> lstm(8) -> dense(5,softmax)",
    ),
    Code(
        code="ST627",
        name="disturbed-output",
        severity="warning",
        summary="Dropout or a normalization stands behind the last layer.",
        what=(
            "The answers themselves are changed. Dropout sets some of them to 0 and enlarges the others "
            "while the model trains; a normalization moves probabilities out of 0 to 1."
        ),
        why=(
            "The loss compares the changed answers with the labels. A right answer is punished where it was "
            "dropped. Dropout works on what the last layer is given, so it belongs before it."
        ),
        example="in(24,3) -> lstm(8) -> dense(5,softmax) -> dropout(0.5)",
        instead="in(24,3) -> lstm(8) -> dropout(0.5) -> dense(5,softmax)",
    ),
    Code(
        code="ST628",
        name="one-unit-for-classes",
        severity="warning",
        summary="The loss chooses among classes, and the model gives one number.",
        what=(
            "A categorical crossentropy needs one number for each class. Where the last layer gives one "
            "number, there is one class, and it is always right."
        ),
        why=(
            "`categorical_crossentropy` divides by the sum of all shares, so the loss is 0 from the start "
            "and nothing is learned; the sparse one fails at the first label that is not 0. Two classes are "
            "either one `sigmoid` with `binary_crossentropy`, or two units with `softmax`."
        ),
        example="in(24,3) -> lstm(8) -> dense(1,sigmoid)\ntrain adam, loss=categorical_crossentropy",
        instead="in(24,3) -> lstm(8) -> dense(1,sigmoid)\ntrain adam, loss=binary_crossentropy",
    ),
    Code(
        code="ST629",
        name="hits-of-a-regression",
        severity="warning",
        summary="Accuracy counts right classes, and the loss trains a number that stands for none.",
        what=(
            "The loss measures how far a number is from the label. For one unit Keras takes `accuracy` for "
            "`BinaryAccuracy`: an answer above 0.5 is right where the label is exactly 1, any other where it "
            "is 0. For several units it compares which of them is the greatest."
        ),
        why=(
            "For labels such as prices or temperatures that says nothing, and an accuracy near 0 looks "
            "like a model that learns nothing. `mae` says how far off they are, in the labels' unit. "
            "Where all labels are 0 or 1 the count is meant, and the rule is quiet: it sees them in the "
            "data, or in `labels=(int(2))`."
        ),
        example="in(24,3) -> lstm(8) -> dense(1)\ntrain adam, loss=mse, metrics=[accuracy]",
        instead="in(24,3) -> lstm(8) -> dense(1)\ntrain adam, loss=mse, metrics=[mae]",
    ),
    Code(
        code="ST630",
        name="ctc-after-softmax",
        severity="info",
        summary="Keras' CTC loss applies a softmax, and the last layer has applied one before.",
        what=(
            "`keras.losses.CTC` wants plain scores, since it takes the logarithm of a softmax itself. The "
            "last layer gives the shares of a softmax already."
        ),
        why=(
            "The function of Keras 2, `ctc_batch_cost`, took shares, and most published models are built for "
            "it. With the loss of Keras 3 they train slowly, for a softmax of a softmax is nearly flat."
        ),
        example="in(200,40) -> bi(lstm(32,seq)) -> dense(30,softmax)\ntrain adam, loss=ctc",
        instead="in(200,40) -> bi(lstm(32,seq)) -> dense(30)\ntrain adam, loss=ctc",
    ),
)
