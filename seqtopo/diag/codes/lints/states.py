"""ST64x: states."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
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
)
