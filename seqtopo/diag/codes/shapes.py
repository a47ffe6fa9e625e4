"""ST3xx: the layers are known, but the shapes that meet do not fit."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS = (
    Code(
        code="ST301",
        name="wrong-rank",
        summary="The layer takes another number of axes than it is given.",
        what=(
            "Recurrent layers, `conv1d` and `td` take a sequence: time steps and features, two axes besides "
            "the batch. Here the layer is given more or fewer. Very often a recurrent layer before it lacks "
            "`seq`, so that only its last step arrives."
        ),
        why=(
            "`lstm(64)` hands on its last step only, a plain vector of 64 numbers; `lstm(64,seq)` hands on "
            "all steps. A layer that walks along the time steps has nowhere to walk in a vector. Where one "
            "vector shall start a sequence, `repeat(T)` makes T steps of it."
        ),
        example="in(T,F) -> lstm(64) -> lstm(32)",
        instead="in(T,F) -> lstm(64,seq) -> lstm(32)",
    ),
    Code(
        code="ST302",
        name="wrong-size",
        summary="An axis has another size than the layer needs.",
        what=(
            "The number of axes is right, but one of them has a size that this layer cannot take with these "
            "arguments. The message names the axis, its size and the size that would fit."
        ),
        why=(
            "A sub-model's `in` says what it takes, and two vectors need the same length for a dot "
            "product. Sizes that are known now need not wait for Keras."
        ),
        example="head = in(32) -> dense(2)\nin(T,8) -> lstm(64) -> head",
        instead="head = in(32) -> dense(2)\nin(T,8) -> lstm(32) -> head",
    ),
    Code(
        code="ST303",
        name="merge-mismatch",
        summary="Values of different shapes are merged.",
        what=(
            "`add`, `mul`, `avg`, `max` and `min` work number by number, so all their values need the same "
            "shape; an axis of size 1 is stretched. `concat` joins along one axis and needs all the others "
            "equal. In a residual block, `_` stands for the width that came in."
        ),
        why=(
            "Which number should be added to which has to be clear. Keras would stretch even values with a "
            "different number of axes in silence, which is rarely what was meant."
        ),
        example="in(24,3) -> [id, conv1d(64,3,same)] -> add",
        instead="in(24,3) -> [id, conv1d(_,3,same)] -> add",
    ),
    Code(
        code="ST304",
        name="bad-initial-state",
        summary="The initial state does not suit the layer: its kind, number or width differs.",
        what=(
            "A `gru` or `rnn` starts from one vector, an `lstm` from two (`[h, c]`), and a `bi` from those "
            "of both directions, forward first. Each is as wide as the layer has units. What `init=` gives "
            "here differs."
        ),
        why=(
            "The state is the layer's memory, and it goes on computing with it. Keras checks little of "
            "this: some wrong states fail only in training, and some are used without a word."
        ),
        example="encoder = in(S,F) -> lstm(32)\nin(T,F) -> lstm(64, seq, init=encoder.state)",
        instead="encoder = in(S,F) -> lstm(64)\nin(T,F) -> lstm(64, seq, init=encoder.state)",
    ),
    Code(
        code="ST305",
        name="assertion",
        summary="The shape here is not the one that `is(...)` says.",
        what=(
            "`is(T,64)` states which shape is expected at its place and adds nothing to the model. The "
            "shape that arrives is another. Either the spec or the expectation is wrong."
        ),
        why=(
            "An assertion written where you are sure finds the mistake where it is made, not ten layers "
            "later. It also tells the next reader what flows there."
        ),
        example="in(24,3) -> lstm(64) -> is(24,64)",
        instead="in(24,3) -> lstm(64,seq) -> is(24,64)",
    ),
    Code(
        code="ST306",
        name="too-short",
        summary="The sequence is too short: a size would fall below one.",
        what=(
            "A kernel, a pooling window or a crop needs more steps than there are, so nothing would be "
            "left. Use a smaller one, a longer sequence, or `same` padding, which keeps the length."
        ),
        why=(
            "Without padding a kernel of 5 fits into 4 steps at no place at all. Several layers in a row "
            "shorten a sequence quickly, so the message shows the length at each of them."
        ),
        example="in(4,3) -> conv1d(8, 5)",
        instead="in(4,3) -> conv1d(8, 5, same)",
    ),
    Code(
        code="ST307",
        name="reshape-count",
        summary="The new shape does not hold as many numbers as the old one.",
        what=(
            "`reshape` puts the same numbers into another shape, so the sizes multiplied have to be the "
            "same before and after. One size may be `?`, which stands for whatever is left over."
        ),
        why=(
            "Nothing can be dropped or made up on the way. To get rid of numbers use `last`, `first`, "
            "`crop` or a pooling layer, and to add some use `pad`."
        ),
        example="in(6,4) -> reshape(5,5)",
        instead="in(6,4) -> reshape(8,?)",
    ),
    Code(
        code="ST308",
        name="unknown-size",
        summary="A size that has to be known is `?`.",
        what=(
            "The number of weights depends on this axis, most often the features, but it comes from a `?`. "
            "Give it a number, or a symbol that is bound before building. The time steps may stay `?`."
        ),
        why=(
            "A layer is applied to every step with the same weights, so it does not mind how many steps "
            "there are. Its weight matrix, however, has one row for each feature and cannot be made without "
            "their number."
        ),
        example="in(?,?) -> lstm(64)",
        instead="in(?,3) -> lstm(64)",
    ),
    Code(
        code="ST309",
        name="attention-sizes",
        summary="Query, value and key of an attention layer do not fit together.",
        what=(
            "Attention takes `[query, value]` or `[query, value, key]`, in this order. Each query is "
            "compared with each key, so their widths agree for `attention`; key and value have the same "
            "number of steps. The message shows all shapes."
        ),
        why=(
            "The comparison is a dot product, which needs vectors of one length. The result has one row for "
            "each query, so query and value in the wrong order give another length than expected."
        ),
        example="[in(10,8), in(20,16)] -> attention",
        instead="[in(10,8), in(20,8)] -> attention",
    ),
    Code(
        code="ST310",
        name="wrong-dtype",
        summary="The layer is given the wrong kind of numbers.",
        what=(
            "The layer calculates with fractions, and whole numbers or truth values come in. Ids go through "
            "an `embed` first; other whole numbers through `cast(float32)`."
        ),
        why=(
            "A softmax or a normalization of whole numbers has no whole answer: one backend refuses, another "
            "cuts the fraction off in silence. An id, besides, is a name and no quantity: word 7 is not "
            "seven times word 1."
        ),
        example="in(T,8,int) -> softmax(time)",
        instead="in(T,8,int) -> cast(float32) -> softmax(time)",
    ),
    Code(
        code="ST311",
        name="shared-width",
        summary="A shared layer is used at another width than the one it was built for.",
        what=(
            "A name without a source is one thing with one set of weights, wherever it is applied. Its "
            "weights fit the width of the first value it was given. For fresh weights at each place, make "
            "it a `def`."
        ),
        why=(
            "The weight matrix has one row for each incoming feature, so a second width would need a second "
            "matrix. That would be another layer, and no longer shared."
        ),
        example="shared = dense(8)\n[in(T,3) -> shared, in(T,4) -> shared] -> add",
        instead="def fresh() = dense(8)\n[in(T,3) -> fresh(), in(T,4) -> fresh()] -> add",
    ),
    Code(
        code="ST312",
        name="no-such-axis",
        summary="The value has no such axis, or the axis is the batch.",
        what=(
            "Axes are `time`, `features`, or Keras' numbers: 1 is the first after the batch, -1 the last, "
            "and 0, the batch, is refused. This value has fewer axes than the number says, or no time steps "
            "any more."
        ),
        why=(
            "The samples of a batch are strangers to each other, and a model that mixed them would predict "
            "something else for every batch size. The rest is counting: a vector has one axis, a sequence "
            "two."
        ),
        example="in(T,F) -> mean(3)",
        instead="in(T,F) -> mean(time)",
    ),
    Code(
        code="ST313",
        name="bad-wrapper",
        summary="The wrapper cannot go around this layer, or the halves of a `bi` do not agree.",
        what=(
            "`bi` goes around a recurrent layer, and `td` around whatever is applied to each step. Where a "
            "`bi` has a layer of its own for going backwards, both must keep the steps or both must not, "
            "and for every merge but `concat` they need the same units."
        ),
        why=(
            "`bi` runs the same steps forwards and backwards and then merges the results. A `dense` has no "
            "direction, and results of different shapes cannot be merged."
        ),
        example="in(T,F) -> bi(dense(8))",
        instead="in(T,F) -> bi(lstm(8))",
    ),
    Code(
        code="ST314",
        name="input-count",
        summary="The layer or sub-model takes another number of inputs.",
        what=(
            "Attention takes two values or three, `sub` and `dot` two, and a sub-model as many as it has "
            "`in`s, in the order they are written. Write them as a list in front of the arrow: "
            "`[query, value] -> attention`."
        ),
        why=(
            "Attention asks with one value and answers with another, so one alone says only half. For a "
            "sub-model, each value has to meet its own input."
        ),
        example="in(T,8) -> lstm(8,seq) -> attention",
        instead="in(T,8) -> lstm(8,seq) -> [id, id] -> attention",
    ),
    Code(
        code="ST315",
        name="short-position-table",
        summary="The table of positions is shorter than the sequence.",
        what=(
            "`pos(80)` learns one vector for each of 80 positions. The sequence is longer, so its last "
            "steps would have none. Give the longest length that will come, or drop the number where the "
            "steps are fixed."
        ),
        why=(
            "What happens beyond the end of a table differs between the backends: one stops, another "
            "repeats the last row in silence. `pos(sin)` has no table and no limit."
        ),
        example="in(100,8) -> pos(80)",
        instead="in(100,8) -> pos(100)",
    ),
    Code(
        code="ST316",
        name="too-large",
        summary="A size or a count of parameters is beyond every limit.",
        what=(
            "Worked out, an axis here has 2147483648 (2 to the power 31) or more elements, or a layer as "
            "many parameters. Look for a `flatten` or a `repeat` of something that was already long."
        ),
        why=(
            "No backend can index an axis of that length reliably, and no memory holds it. It is better to "
            "hear of it here than from the operating system."
        ),
        example="in(65536,65536) -> flatten",
        instead="in(256,8) -> flatten",
    ),
)
