"""ST66x: what does nothing."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST660",
        name="lost-flow",
        severity="warning",
        summary="A flow without a name is not the last, so nothing is made of it.",
        what=(
            "The last flow of a spec is the model. An earlier one needs a name to be used further down, or "
            "to be a model of its own."
        ),
        why=(
            "Two flows on two lines look like two outputs. The first is checked, and then forgotten: two "
            "outputs are written as a list."
        ),
        example="h = in(24,3) -> lstm(32)\nh -> dense(1)\nh -> dense(4,softmax)",
        instead="h = in(24,3) -> lstm(32)\n[h -> dense(1), h -> dense(4,softmax)]",
    ),
    Code(
        code="ST661",
        name="flatten-of-a-vector",
        severity="info",
        summary="A vector is flattened, which changes nothing.",
        what="Only one axis comes into `flatten`. It hands on the same numbers in the same shape.",
        why=(
            "It does no harm. It says that the reader should expect a sequence here, though, and there is "
            "none: perhaps a pooling or a recurrent layer before it has taken the time steps already."
        ),
        example="in(20,4) -> gmaxpool1d -> flatten -> dense(1)",
        instead="in(20,4) -> gmaxpool1d -> dense(1)",
    ),
    Code(
        code="ST662",
        name="step-without-effect",
        severity="info",
        summary="A step hands on just what comes in.",
        what=(
            "The step changes nothing. It may be a `reshape` to the shape that is there, a `permute` that "
            "leaves every axis in its place, a merge of one value, a relu of what has no number below 0."
        ),
        why=(
            "It does no harm, and costs little. The reader looks for what it is there for, and often there "
            "was something else to be done: another order of the axes, or a second value to merge."
        ),
        example="in(20,4) -> permute(1,2) -> lstm(8)",
        instead="in(20,4) -> permute(2,1) -> lstm(8)",
    ),
    Code(
        code="ST663",
        name="placeholder-step",
        severity="info",
        on=False,
        summary="A step is there for show: a dropout of nothing, or the activation linear.",
        what=(
            "With the rate 0 a dropout drops nothing, and `linear` leaves every number as it is. The step "
            "hands on what comes in."
        ),
        why=(
            "Such steps hold the place of a rate that is still to be found, or say that no activation is "
            "meant, so that this is off unless asked for. A published model is cleaner without them."
        ),
        example="in(20,4) -> lstm(8) -> dropout(0) -> dense(1)",
        instead="in(20,4) -> lstm(8) -> dropout(0.2) -> dense(1)",
    ),
    Code(
        code="ST664",
        name="part-apart",
        severity="info",
        summary="A named model is no part of the output.",
        what=(
            "The name stands for a model with inputs of its own or of the others, and nothing further down "
            "uses it. `compile` leaves it out; `compile_all` and `part` give it."
        ),
        why=(
            "A spec may hold several models, and then this is as it should be. Where one model was meant, a "
            "branch is missing in its output."
        ),
        example="h = in(24,3) -> lstm(32)\nkind = h -> dense(4,softmax)\nh -> dense(1)",
        instead="h = in(24,3) -> lstm(32)\nkind = h -> dense(4,softmax)\n[h -> dense(1), kind]",
    ),
    Code(
        code="ST665",
        name="unused-size",
        severity="info",
        summary="Nothing refers to a name that let binds.",
        what="The name is bound to a number. It stands nowhere else in the spec.",
        why=(
            "Whoever changes the number expects that the model changes. Mostly the number itself was written "
            "where the name was meant."
        ),
        example="let T = 24, UNITS = 64\nin(T,3) -> lstm(32)",
        instead="let T = 24, UNITS = 64\nin(T,3) -> lstm(UNITS)",
    ),
    Code(
        code="ST666",
        name="unused-layers",
        severity="info",
        summary="A recipe or a named flow is never applied.",
        what=(
            "A `def`, or a name for a flow without a source, makes layers where it is applied. This one "
            "never is, so it makes none."
        ),
        why=(
            "It may be left over. It may as well be that the step was forgotten in the flow below, and the "
            "model is built and trained without it."
        ),
        example="head = dense(16,relu) -> dense(1)\nin(24,3) -> lstm(32)",
        instead="head = dense(16,relu) -> dense(1)\nin(24,3) -> lstm(32) -> head",
    ),
    Code(
        code="ST667",
        name="unused-input",
        severity="warning",
        summary="A named input reaches no output.",
        what=(
            "The inputs of a model are those that its output is computed from. Nothing is computed from "
            "this one, so the built model does not take it."
        ),
        why=(
            "Training then fails because it is given one array too many, or the model goes without what was "
            "to help it. Mostly the branch of this input was forgotten in a list."
        ),
        example="series = in(24,3)\nplace = in(5)\nseries -> lstm(32) -> dense(1)",
        instead="series = in(24,3)\nplace = in(5)\n[series -> lstm(32), place] -> concat -> dense(1)",
    ),
)
