"""ST64x: states."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST640",
        name="gates-out-of-range",
        severity="warning",
        summary="The gates of a recurrent layer give numbers that are no shares.",
        what=(
            "The gates of an LSTM or a GRU multiply what is kept, forgotten and given on. Their "
            "activation is `recurrent_activation`, and has to give numbers from 0 to 1: sigmoid or "
            "hard_sigmoid. `activation` is another: that of the new values."
        ),
        why=(
            "With relu or linear gates the state grows at each step without a bound, and soon is not a "
            "number. With tanh a gate turns the sign of what it is to let through."
        ),
        example="in(24,3) -> lstm(8,recurrent_activation=relu) -> dense(1)",
        instead="in(24,3) -> lstm(8) -> dense(1)",
    ),
    Code(
        code="ST641",
        name="shuffled-states",
        severity="info",
        summary="A stateful layer is trained, so the order of the samples matters.",
        what=(
            "`stateful` carries the state from row i of one batch to row i of the next. Where samples are "
            "shuffled, the state belongs to another sequence. `fit` of a model that seqtopo compiled or "
            "attached keeps the order of arrays; that of plain Keras shuffles them by default."
        ),
        why=(
            "Nothing fails: the layer trains on states that have nothing to do with its samples. A spec "
            "cannot see how `fit` is called, so this only reminds: batches in their order (in plain Keras "
            "`shuffle=False`), and states reset at each epoch, by `seqtopo.ResetStates()`."
        ),
        example="in(20,3,batch=4) -> lstm(32,stateful) -> dense(1)\ntrain adam, loss=mse",
        instead="in(20,3) -> lstm(32) -> dense(1)\ntrain adam, loss=mse",
    ),
    Code(
        code="ST642",
        name="states-against-time",
        severity="warning",
        summary="A stateful layer reads backwards, so that it carries its state the wrong way.",
        what=(
            "A layer that reads backwards ends at the first step. With `stateful` it starts the next batch, "
            "at that batch's last step, from there. What follows in time is not what it was told."
        ),
        why=(
            "State that is carried over makes sense in the direction of time alone. In `bi`, half of the "
            "output is disturbed by it, and no error says so."
        ),
        example="in(20,3,batch=4) -> bi(lstm(32,stateful)) -> dense(1)",
        instead="in(20,3,batch=4) -> lstm(32,stateful) -> dense(1)",
    ),
    Code(
        code="ST643",
        name="state-given-and-kept",
        severity="warning",
        summary="A stateful layer is given a state at every call, so what it kept is never used.",
        what=(
            "`init=` hands a state over each time the layer is called. Keras then does not look at the one "
            "that `stateful` has kept."
        ),
        why=(
            "One of the two is not what was meant. Either the state comes from the encoder, or it goes on "
            "from batch to batch."
        ),
        example="encoder = in(5,3,batch=4) -> lstm(8)\n"
        "in(7,3,batch=4) -> lstm(8,seq,stateful,init=encoder.state) -> dense(3)",
        instead="encoder = in(5,3) -> lstm(8)\nin(7,3) -> lstm(8,seq,init=encoder.state) -> dense(3)",
    ),
    Code(
        code="ST644",
        name="partly-stateful",
        severity="info",
        summary="A recurrent layer forgets between batches what the one before it remembers.",
        what=(
            "Of two recurrent layers in a row the first is stateful and the second is not. It starts from "
            "zero at every batch, in the middle of a series that the first follows through."
        ),
        why=(
            "It works, and may be meant. Mostly the flag was added to one layer and forgotten in the other, "
            "and the model's memory ends at each batch after all."
        ),
        example="in(20,3,batch=4) -> lstm(32,seq,stateful) -> lstm(32) -> dense(1)",
        instead="in(20,3,batch=4) -> lstm(32,seq,stateful) -> lstm(32,stateful) -> dense(1)",
    ),
    Code(
        code="ST645",
        name="batch-without-states",
        severity="info",
        on=False,
        summary="The batch is fixed, and no layer is stateful.",
        what=(
            "`batch=32` makes a model that takes 32 samples at a time and no other number. Stateful layers "
            "need that, and nothing else does."
        ),
        why=(
            "The last batch of the data is shorter as a rule, and a single sample cannot be predicted. Both "
            "then fail for a reason that the model does not have."
        ),
        example="in(20,3,batch=32) -> lstm(32) -> dense(1)",
        instead="in(20,3) -> lstm(32) -> dense(1)",
    ),
    Code(
        code="ST646",
        name="shared-state",
        severity="warning",
        summary="One stateful layer reads several sequences, and mixes their states.",
        what=(
            "What has a name and is used twice is one layer, with one state. Where it is stateful, it starts "
            "the second sequence from the end of the first, in the same batch."
        ),
        why=(
            "Shared weights are meant, a shared state is not: the answer for one sequence depends on the "
            "other. A recipe makes a layer for each; without `stateful` the weights can stay shared."
        ),
        example="read = lstm(8,stateful)\n[in(5,3,batch=4) -> read, in(5,3,batch=4) -> read] -> concat",
        instead="read = lstm(8)\n[in(5,3) -> read, in(5,3) -> read] -> concat",
    ),
    Code(
        code="ST647",
        name="steps-all-alike",
        severity="warning",
        summary="All steps of an output are the same: nothing behind `repeat` tells one from another.",
        what=(
            "`repeat(5)` makes five copies of one vector. `dense` and `td` do the same to each of them, "
            "so that five equal answers come out."
        ),
        why=(
            "The shapes are those of a decoder, and the loss falls to that of the mean over the steps. "
            "A recurrent layer with `seq` goes on from step to step; so does `pos` in front of "
            "attention."
        ),
        example="in(24,3) -> lstm(16) -> repeat(5) -> td(dense(1))",
        instead="in(24,3) -> lstm(16) -> repeat(5) -> lstm(16,seq) -> td(dense(1))",
    ),
    Code(
        code="ST648",
        name="repeated-and-forgotten",
        severity="warning",
        summary="A vector is repeated for a recurrent layer that hands on its last step only.",
        what=(
            "`repeat(5)` says that five steps are to be written. The recurrent layer behind it has no "
            "`seq`, so that one step is left."
        ),
        why=(
            "A decoder that forgets its steps answers once for all of them. The head then has one "
            "answer, or as many units as steps were meant. For one answer no `repeat` is needed."
        ),
        example="in(24,3) -> lstm(16) -> repeat(5) -> lstm(16) -> dense(1)",
        instead="in(24,3) -> lstm(16) -> repeat(5) -> lstm(16,seq) -> dense(1)",
    ),
    Code(
        code="ST649",
        name="softmax-inside",
        severity="warning",
        summary="An LSTM or a GRU has softmax for its activation, which its gates undo.",
        what=(
            "The activation of an LSTM or a GRU makes its new values, and a gate multiplies each of "
            "them. What comes out of a softmax there does not add up to 1."
        ),
        why=(
            "As the last layer it looks like a classifier, and its answers are no distribution. The "
            "crossentropies take logarithms of them all the same."
        ),
        example="in(24,3) -> lstm(5,softmax)",
        instead="in(24,3) -> lstm(5) -> dense(5,softmax)",
    ),
)
