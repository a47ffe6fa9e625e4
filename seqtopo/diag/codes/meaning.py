"""ST2xx: the text can be read, but a name, an argument or a statement in it means nothing."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS = (
    Code(
        code="ST201",
        name="unknown-layer",
        summary="No layer, recipe or activation has this name.",
        what=(
            "Layers carry their Keras name in snake_case (`simple_rnn`, `multi_head_attention`) or a short "
            "name (`rnn`, `mha`, `td`). If the word is close to a known one, the message proposes it. A "
            "layer of your own has to be registered from Python first; a spec cannot import anything."
        ),
        why=(
            "A misspelt layer is found here, with its place, before Keras is even loaded. Guessing would "
            "build another model than the one that was meant."
        ),
        example="in(T,F) -> lstn(64)",
        instead="in(T,F) -> lstm(64)",
    ),
    Code(
        code="ST202",
        name="unknown-argument",
        summary="The layer has no argument or flag of this name.",
        what=(
            "Arguments are Keras' own (`dropout=0.2`), and flags are bare words that switch one on (`seq` "
            "for `return_sequences`). This layer knows none of this name. The message proposes the nearest "
            "one it has."
        ),
        why=(
            "Each layer accepts what its Keras class accepts. An argument that were ignored in silence "
            "would let you believe in a dropout that is not there."
        ),
        example="in(T,F) -> lstm(64, droput=0.2)",
        instead="in(T,F) -> lstm(64, dropout=0.2)",
    ),
    Code(
        code="ST203",
        name="bad-argument",
        summary="The argument's value is of the wrong kind or out of its range.",
        what=(
            "The name of the argument is right but its value cannot be used: a word where a number belongs, "
            "a negative number of units, a rate above 1. The message says what is allowed."
        ),
        why=(
            "Keras notices some of these when the layer is made, some at the first batch, and some never. A "
            "dropout rate of 1.5 makes no sense on any of those days, so it is refused today."
        ),
        example="in(T,F) -> dropout(1.5)",
        instead="in(T,F) -> dropout(0.5)",
    ),
    Code(
        code="ST204",
        name="missing-argument",
        summary="The layer needs an argument that is not given.",
        what=(
            "Some arguments have no sensible default: the units of an `lstm`, the kernel of a `conv1d`. "
            "They have to be written, either by position or by name. The message shows the layer with all "
            "it needs."
        ),
        why=(
            "The number of units or the kernel's length is a decision about the model. No default could be "
            "right for everyone, and Keras has none either."
        ),
        example="in(T,F) -> conv1d(64)",
        instead="in(T,F) -> conv1d(64, 3)",
    ),
    Code(
        code="ST205",
        name="duplicate-argument",
        summary="An argument is given twice, or there are more by position than the layer takes.",
        what=(
            "The same argument comes twice, perhaps once by position and once by name, or as a flag and by "
            "name. Or there are more positional values than the layer has places for them. Say each "
            "argument once."
        ),
        why=(
            "Of two values only one can hold, and which one would be anybody's guess. Arguments that people "
            "rarely need are given by name, so that a row of bare numbers stays readable."
        ),
        example="in(T,F) -> lstm(64, units=32)",
        instead="in(T,F) -> lstm(64)",
    ),
    Code(
        code="ST206",
        name="unknown-name",
        summary="This name is not bound to anything here.",
        what=(
            "A name has to be bound above its use, with `name = FLOW` or `FLOW as name`; a name that is "
            "bound inside a `def` is seen there only. Dimensions start with an upper-case letter and "
            "everything else with a lower-case one, so `x` is never a dimension."
        ),
        why=(
            "A spec is read from the top to the bottom, and a flow can only use what has been said before. "
            "A misspelt name looks the same, which is why the nearest known one is proposed."
        ),
        example="encoder -> dense(1)\nencoder = in(T,F) -> lstm(64)",
        instead="encoder = in(T,F) -> lstm(64)\nencoder -> dense(1)",
    ),
    Code(
        code="ST207",
        name="name-taken",
        summary="This name already means something else.",
        what=(
            "A name is bound once and keeps its meaning to the end. It may not be the name of a layer or a "
            "word of the language either. The message shows what holds the name. A name that a layer is to "
            'have in Keras is an argument of the layer, `name="rnn"`, and may be any.'
        ),
        why=(
            "A name that changed its meaning half-way would make shared weights hard to see: `encoder` has "
            "to be the same layers wherever it is written. Python allows it; here a second name says more."
        ),
        example="encoder = in(T,F) -> lstm(64)\nencoder = encoder -> dense(8)",
        instead="encoder = in(T,F) -> lstm(64)\ncode = encoder -> dense(8)",
    ),
    Code(
        code="ST208",
        name="recursive-recipe",
        summary="A recipe uses itself, directly or through another one.",
        what=(
            "A `def` is a recipe that is written out wherever it is used. One that contains itself would "
            "never end. For several copies in a row use `* n` or `for`."
        ),
        why=(
            "A recipe has no condition under which it could stop, since a spec describes a fixed model. "
            "Repetition with a known count says the same and always ends."
        ),
        example="def stack(N) = lstm(N,seq) -> stack(N)\nin(T,F) -> stack(8)",
        instead="def stack(N) = lstm(N,seq) * 3\nin(T,F) -> stack(8)",
    ),
    Code(
        code="ST209",
        name="left-out-layer",
        summary="Keras has this layer, but it is left out here on purpose.",
        what=(
            "A few Keras layers cannot be said in a spec: `Lambda` holds code, image augmentation belongs "
            "to the data, text and lookup layers need a vocabulary, and cells are parts of a layer. The "
            "message says what to write instead."
        ),
        why=(
            "A spec is data, and reading one never runs code from it. A model saved with a `Lambda` also "
            "cannot be opened safely by others, while stock layers and operations can."
        ),
        example="in(T,F) -> lambda -> dense(1)",
        instead="in(T,F) -> mean(time) -> dense(1)",
    ),
    Code(
        code="ST210",
        name="no-source",
        summary="Nothing comes into this flow.",
        what=(
            "The model's output has to begin with a source: an `in(...)`, or a name that is bound to a "
            "value. This one begins with a layer, which has nothing to work on. A flow without a source is "
            "a block, and may be given a name and applied elsewhere."
        ),
        why=(
            "Shapes and weights follow from what comes in. Without a source there is no input to declare "
            "and no width to build weights for."
        ),
        example="lstm(64) -> dense(1)",
        instead="in(T,F) -> lstm(64) -> dense(1)",
    ),
    Code(
        code="ST211",
        name="too-many-layers",
        summary="Written out, this spec has more than 100,000 layers.",
        what=(
            "`* n`, `for` and recipes are written out before the model is built, and they multiply when "
            "they stand inside each other. This spec grows past the limit of 100,000 layers."
        ),
        why=(
            "A few characters can ask for more layers than any memory holds. The limit is far above real "
            "models and stops such a slip in a moment instead of an hour."
        ),
        example="in(T,F) -> lstm(8,seq) * 1000000",
        instead="in(T,F) -> lstm(8,seq) * 3",
    ),
    Code(
        code="ST212",
        name="bad-arithmetic",
        summary="This sum has no usable result.",
        what=(
            "Sizes are whole numbers from 1 up to, not including, 2147483648 (2 to the power 31). A "
            "division by zero, a negative size, a fraction or a number beyond that limit cannot be used. "
            "`//` divides and drops the rest."
        ),
        why=(
            "Sizes are worked out before the model is built, and each has to be the length of an axis. "
            "Larger numbers overflow somewhere inside every backend."
        ),
        example="in(T,F) -> lstm(8 // 0)",
        instead="in(T,F) -> lstm(8 // 2)",
    ),
    Code(
        code="ST213",
        name="not-a-step",
        summary="This cannot stand here: a number where a layer belongs, or a layer where a value belongs.",
        what=(
            "After `->` comes something that can be applied: a layer, a recipe, a named block, a list of "
            "branches. In an argument comes a value. Here it is the other way round."
        ),
        why=(
            "Numbers, flows and values are written with the same signs, so that there is less to learn. "
            "Only the place decides which of them is meant, and this one does not suit its place."
        ),
        example="in(T,F) -> 64 -> dense(1)",
        instead="in(T,F) -> lstm(64) -> dense(1)",
    ),
    Code(
        code="ST214",
        name="many-into-one",
        summary="Several values flow into a layer that takes one.",
        what=(
            "A list `[a, b]` hands all its values on together. The layer after it takes a single value. "
            "Merge them first, with `concat`, `add` or another merging layer, or put the layer into each "
            "branch."
        ),
        why=(
            "There are many ways to make one value of several: side by side, summed, multiplied. Each is "
            "another model, so the choice is yours."
        ),
        example="[in(T,F), in(T,G)] -> lstm(64)",
        instead="[in(T,F), in(T,G)] -> concat -> lstm(64)",
    ),
    Code(
        code="ST215",
        name="return-state",
        summary="`return_state` is never written; say `name.state` where the state is used.",
        what=(
            "The final state of a recurrent layer is `name.state`, where `name` is a flow that contains it. "
            "The layer returns its state because somebody uses it. `return_state` itself is refused."
        ),
        why=(
            "In Keras the argument turns one output into a tuple of two or three, and everything after it "
            "has to take the tuple apart in the right order. A named state cannot be mistaken for the "
            "output."
        ),
        example="in(T,F) -> lstm(64, return_state)",
        instead="encoder = in(S,F) -> lstm(64)\nin(T,F) -> lstm(64, seq, init=encoder.state)",
    ),
    Code(
        code="ST216",
        name="no-second-value",
        summary="What this name stands for has no such second value.",
        what=(
            "`name.state` is the final state of the last recurrent layer in `name`, and `name.scores` the "
            "scores of an attention layer. There is no such layer in this one. The message says what `name` "
            "ends with."
        ),
        why=(
            "A `dense` or a `conv1d` keeps nothing between the steps, so it has no state to hand over. Only "
            "`lstm`, `gru`, `rnn` and their relatives have one."
        ),
        example="encoder = in(S,F) -> dense(64)\nin(T,F) -> lstm(64, seq, init=encoder.state)",
        instead="encoder = in(S,F) -> lstm(64)\nin(T,F) -> lstm(64, seq, init=encoder.state)",
    ),
    Code(
        code="ST217",
        name="bad-train",
        summary="The `train` statement names something that Keras does not have, or stands twice.",
        what=(
            "`train` takes an optimizer, `loss=`, `metrics=[...]` and `labels=(...)`, all in Keras' short "
            "names such as `adam`, `mse` or `mae`. A spec has at most one. The message proposes the nearest "
            "known name."
        ),
        why=(
            "The built model comes compiled with these, so they have to exist. Keras would notice a wrong "
            "loss only when training starts."
        ),
        example="in(T,F) -> lstm(64) -> dense(1)\ntrain adam(1e-3), loss=msee",
        instead="in(T,F) -> lstm(64) -> dense(1)\ntrain adam(1e-3), loss=mse",
    ),
    Code(
        code="ST218",
        name="bad-input",
        summary="An `in(...)` says something that an input cannot be.",
        what=(
            "`in(T,F)` gives the shape without the batch axis. After the sizes may come one dtype (`int`, "
            "`float16`, ...), `int(V)` for ids below V, and `batch=32` for a fixed batch. The message says "
            "which of them is wrong here, missing or there twice."
        ),
        why=(
            "An input holds one kind of number, and its batch, where it is fixed, is a positive size. "
            "Everything after it depends on that, so it has to be clear."
        ),
        example="in(T,F,float16,float32) -> lstm(64)",
        instead="in(T,F,float32) -> lstm(64)",
    ),
    Code(
        code="ST219",
        name="wrong-count",
        summary="The number of values differs from the number of names for them.",
        what=(
            "A recipe takes as many arguments as its `def` has parameters, less those with a default. A "
            "`for` with two names takes two values each time. Here there are more or fewer."
        ),
        why=(
            "Each name needs exactly one value. Leaving one out, or one over, would move all others to a "
            "wrong place."
        ),
        example="in(T,4) -> (conv1d(W,K,same)) for W, K in [(64,8), (128,5,3)]",
        instead="in(T,4) -> (conv1d(W,K,same)) for W, K in [(64,8), (128,5)]",
    ),
    Code(
        code="ST223",
        name="unbound-name",
        summary="Nothing binds the name that stands here, and its value must be known.",
        what=(
            "A name that begins with an upper-case letter may stay open where it is a size. Here it stands "
            "for a layer, a word or another value, without which nothing can be checked. Bind it with "
            "`-D P=0.1` on the command line, `compile(spec, P=0.1)` in Python (a word, a layer or a flow "
            'as a string, `CELL="lstm"`), or `let P = 0.1` in the spec.'
        ),
        why=(
            "A size that is open has a shape to reason with. A layer that is not known has none, and a rate "
            "that is not known cannot be held against its range."
        ),
        example="in(T,8) -> dropout(P)",
        instead="let P = 0.1\nin(T,8) -> dropout(P)",
    ),
)
