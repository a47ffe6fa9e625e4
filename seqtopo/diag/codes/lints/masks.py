"""ST63x: masks and ids."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST631",
        name="mask-lost",
        severity="warning",
        summary="The mask of padded steps ends at a layer before those that would heed it.",
        what=(
            "`mask` and `embed(...,mask)` mark padded steps, and the layers behind them skip these. Not "
            "every layer hands the mask on: `flatten`, convolutions, poolings, `reshape` and `permute` do "
            "not. Behind them padding is data like any other."
        ),
        why=(
            "Keras drops the mask with no more than a warning, and the model trains on its padding. A long "
            "tail of zeros then counts as much as the words before it."
        ),
        example="in(40,int) -> embed(1000,50,mask) -> lstm(64,seq) -> flatten -> dense(3)",
        instead="in(40,int) -> embed(1000,50,mask) -> lstm(64) -> dense(3)",
    ),
    Code(
        code="ST632",
        name="mask-on-ids",
        severity="warning",
        summary="A mask layer stands before the embedding, where there are no features yet.",
        what=(
            "`mask(0)` hides the steps whose features are all 0. Ids come as one row of numbers, without "
            "features, so it takes the time steps for features: it hides a sample that is 0 throughout, and "
            "no single step."
        ),
        why=(
            "The embedding behind it hands no mask on either, so the padding is read as a word. The "
            "embedding itself masks the id 0 when its flag says so."
        ),
        example="in(30) -> mask(0) -> embed(1000,100) -> lstm(32)",
        instead="in(30,int) -> embed(1000,100,mask) -> lstm(32)",
    ),
    Code(
        code="ST633",
        name="embed-of-vectors",
        severity="warning",
        summary="An embedding is given vectors of numbers where it wants ids.",
        what=(
            "An embedding looks up one id and gives one vector. What comes in has features already, so each "
            "of them would be cut off to a whole number and looked up: one more axis, of vectors that mean "
            "nothing."
        ),
        why=(
            "It happens where the data is embedded before, by word2vec for example, and the layer is kept "
            "from a model of ids. Keras builds it."
        ),
        example="in(200,64) -> embed(5000,32) -> td(lstm(50)) -> lstm(50)",
        instead="in(200,64) -> lstm(50,seq) -> lstm(50)",
    ),
    Code(
        code="ST634",
        name="embed-of-fractions",
        severity="warning",
        summary="An embedding is given what a layer has computed where it wants ids.",
        what=(
            "An embedding cuts what comes in off to whole numbers and looks these up. Behind a dense layer, "
            "a dropout or an activation there are fractions, behind `one_hot` zeros and ones. Nearly all of "
            "them end up at the first rows of the table."
        ),
        why=(
            "Looking up has no gradient, either: the layer before the embedding never learns. The embedding "
            "comes first, and dropout behind it."
        ),
        example="in(30,int) -> one_hot(20) -> embed(20,4) -> td(lstm(8)) -> lstm(8)",
        instead="in(30,int) -> embed(20,4) -> lstm(8)",
    ),
    Code(
        code="ST635",
        name="ids-declared-as-floats",
        severity="info",
        summary="An embedding takes ids from an input that declares fractions.",
        what=(
            "An `in(...)` without a dtype holds float32 numbers. Keras cuts them off to whole ones before it "
            "looks them up, so the model works."
        ),
        why=(
            "The input then says nothing of what it takes: an id of 3.7 is looked up as 3, and no id beyond "
            "16,777,216 is exact. With `int` it says so, and with `int(5000)` the ids are checked against "
            "the table's size."
        ),
        example="in(30) -> embed(1000,100) -> lstm(32)",
        instead="in(30,int) -> embed(1000,100) -> lstm(32)",
    ),
    Code(
        code="ST636",
        name="ids-as-numbers",
        severity="warning",
        summary="A layer computes with ids as if they were amounts.",
        what=(
            "An id is a name: word 40 is not twice word 20. Here ids go into a layer that multiplies them by "
            "weights, without an embedding between."
        ),
        why=(
            "The model trains, and can only learn what lies in the order of the ids, which is chance as a "
            "rule. `embed` gives every id a vector of its own, `one_hot` a place of its own."
        ),
        example="in(30,int(5000)) -> dense(16,relu) -> dense(3)",
        instead="in(30,int(5000)) -> embed(5000,16) -> lstm(16) -> dense(3)",
    ),
    Code(
        code="ST637",
        name="padding-not-masked",
        severity="info",
        on=False,
        summary="Ids are read step by step, and nothing says which steps are padding.",
        what=(
            "Sentences of different lengths are filled up with zeros to make a batch. Without `mask`, the "
            "recurrent layer reads these zeros as words, and its last step is mostly one of them."
        ),
        why=(
            "Many models do well without, since they learn what 0 means, and where nothing is padded there "
            "is nothing to mask. Where padding stands behind the words, a long tail of it makes the layer "
            "forget what it has read."
        ),
        example="in(T,int) -> embed(5000,64) -> lstm(32)",
        instead="in(T,int) -> embed(5000,64,mask) -> lstm(32)",
    ),
    Code(
        code="ST638",
        name="zero-may-be-data",
        severity="info",
        on=False,
        summary="Steps of one feature are masked where it is 0, which may be a measured value.",
        what=(
            "`mask(0)` skips every step whose features are all 0. With a single feature, a measured 0 looks "
            "like a padded one."
        ),
        why=(
            "Scaled data has its mean or its least value at 0, so such steps do occur. A number that is no "
            "measurement, such as -1 for data from 0 to 1, marks padding without doubt."
        ),
        example="in(T,1) -> mask(0) -> lstm(8)",
        instead="in(T,1) -> mask(-1) -> lstm(8)",
    ),
    Code(
        code="ST639",
        name="embed-sizes-swapped",
        severity="warning",
        summary="The two sizes of an embedding seem to be swapped.",
        what=(
            "`embed(5000,64)` is a table of 5000 ids, each with a vector of 64 numbers. Here the "
            "vectors are a thousand numbers long or more, and at least four times as many as there are "
            "ids."
        ),
        why=(
            "Ids from the table's end up have no row: an error on some backends, and zeros or another "
            "row on others. No step says that the sizes stand in each other's place."
        ),
        example="in(T,int) -> embed(64,5000) -> lstm(32) -> dense(1)",
        instead="in(T,int) -> embed(5000,64) -> lstm(32) -> dense(1)",
    ),
)
