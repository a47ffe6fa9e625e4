"""ST71x: data against what the model takes and gives. They need data beside the spec."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

_REASON = "It needs data beside the spec: {}"


ROWS: tuple[Code, ...] = (
    Code(
        code="ST710",
        name="data-unreadable",
        summary="A file or object that was given as data holds no array that can be read.",
        what=(
            "Data is read from `.npy` and `.npz` files, or taken as arrays in Python. This is neither, or "
            "the file is damaged or breaks off. The message says which."
        ),
        why=(
            "Only the header of a file is read at first, by hand. Pickled objects are never opened, since "
            "opening one runs whatever code is in it."
        ),
        reason=_REASON.format("a file that is none, as in `--x notes.csv`."),
    ),
    Code(
        code="ST711",
        name="data-count",
        summary="There are more or fewer arrays than inputs or outputs, or they have other names.",
        what=(
            "A model with two inputs takes two arrays. They are matched by name where they have names, and "
            "by their order in the text otherwise. Here that cannot be done."
        ),
        why=(
            "Keras would stop at the first batch, or take arrays of equal shape in the wrong order and say "
            "nothing. Names leave no doubt: `--x source=a.npy --x target=b.npy`."
        ),
        reason=_REASON.format("one array for a model with two inputs."),
    ),
    Code(
        code="ST712",
        name="data-shape",
        summary="The samples have another shape than the `in(...)` that takes them.",
        what=(
            "An array's first axis counts the samples, and the rest is the shape of one of them. Here it is "
            "not what `in(...)` declares: another number of features or steps, or of axes."
        ),
        why=(
            "Keras finds this at the first batch, long after building. One feature a step still needs its "
            "axis: `(650, 20)` are 650 samples of 20 numbers, `(650, 20, 1)` 650 sequences of 20 steps."
        ),
        reason=_REASON.format("x of shape (8, 24, 5) for `in(24,3)`."),
    ),
    Code(
        code="ST713",
        name="no-batch-axis",
        summary="The array is a single sample, without the axis that counts samples.",
        what=(
            "The whole array has the shape of one sample of `in(...)`. Keras takes its first axis for the "
            "samples, so that every time step would be a sample of its own."
        ),
        why=(
            "It happens with the one long series, and with one window at prediction. `x[None]` puts the "
            "axis in front: `(6, 30)` becomes `(1, 6, 30)`."
        ),
        reason=_REASON.format("x of shape (6, 30) for `in(6,30)`."),
    ),
    Code(
        code="ST714",
        name="data-axes-swapped",
        summary="Time steps and features of the data, or steps and samples, are swapped.",
        what=(
            "With its axes in another order the array would fit `in(...)`. Keras' order is samples, time "
            "steps, features. PyTorch often has the steps first or the features before the steps."
        ),
        why=(
            "A transpose brings them into order. A reshape gives the same shape and mixes the numbers up, "
            "without a word from anyone."
        ),
        reason=_REASON.format("x of shape (8, 3, 24) for `in(24,3)`."),
    ),
    Code(
        code="ST715",
        name="data-kind",
        summary="The array holds what the model cannot take: texts, objects, or fractions for ids.",
        what=(
            "Layers take numbers. An input of ids takes whole ones. Keras cuts fractions off in silence, "
            "and 0.7 becomes the id 0."
        ),
        why=(
            "Words need a vocabulary first, which makes ids of them. Rows of different lengths give an "
            "array of Python objects; pad them to one length."
        ),
        reason=_REASON.format("x of floats for `in(T,int)`."),
    ),
    Code(
        code="ST716",
        name="ids-beyond-table",
        summary="The data has ids that the embedding has no row for.",
        what=(
            "`embed(10000,64)` has the rows 0 to 9999. An id of 10000, or below 0, has none. The first "
            "argument is the greatest id plus 1."
        ),
        why=(
            "On one backend this is an error at some batch, on another a vector of NaN or of zeros, in "
            "silence. Where ids are counted from 1, as with 0 for padding, it is off by just one."
        ),
        reason=_REASON.format("ids up to 10000 for `embed(10000,64)`."),
    ),
    Code(
        code="ST717",
        name="inputs-swapped",
        summary="The arrays of two inputs look swapped.",
        what=(
            "The ids for one input do not fit its own table, and those of both inputs would fit the "
            "other's. The two have the same shape, so nothing else tells them apart."
        ),
        why=(
            "Arrays in a list are taken in the order of the inputs in the text. Given by name, they cannot "
            "be swapped by accident."
        ),
        reason=_REASON.format("ids up to 499 for a table of 2 rows, and ids up to 1 for one of 500."),
    ),
    Code(
        code="ST718",
        name="sample-counts",
        summary="Two arrays have different numbers of samples.",
        what=(
            "The first axis of every array counts the samples, and each sample has its label. Here one "
            "array has more of them than another."
        ),
        why=(
            "Cutting a series into windows loses some steps at its end. Whatever was cut, filtered or "
            "shifted in x must be in y too, or labels stand beside samples of another day."
        ),
        reason=_REASON.format("100 samples in x and 90 in y."),
    ),
    Code(
        code="ST719",
        name="last-batch",
        summary="The samples do not fill the last batch, and the model takes batches of one size only.",
        what=(
            "With `in(...,batch=16)` every batch has 16 samples. The number of samples is not a multiple of "
            "that, so the last batch is smaller."
        ),
        why=(
            "A stateful layer keeps one state for each place in the batch, so the number of places is "
            "fixed. Leave out the last few samples, and mind that `validation_split` cuts as well."
        ),
        reason=_REASON.format("500 samples for `in(10,3,batch=16)`."),
    ),
    Code(
        code="ST720",
        name="data-not-a-number",
        severity="warning",
        summary="The data holds NaN or infinite numbers.",
        what=(
            "Some of the numbers are NaN (not a number) or infinite. They come from gaps in the data, from "
            "a division by zero or from a logarithm of zero."
        ),
        why=(
            "One of them is enough: the loss becomes NaN at its batch, and then all the weights. Fill the "
            "gaps, or leave those samples out."
        ),
        reason=_REASON.format("x with a NaN in it."),
    ),
    Code(
        code="ST721",
        name="data-disagrees",
        summary="Two arrays say two different sizes for one symbol.",
        what=(
            "A symbol such as T is one number wherever it stands. It is learned from the data where nothing "
            "else binds it. Here two arrays say two things."
        ),
        why=(
            "If both inputs have to be of the same length, the data is wrong. If not, the second needs a "
            "symbol of its own, or `?`."
        ),
        reason=_REASON.format("24 steps in one input and 30 in another, both declared as T."),
    ),
    Code(
        code="ST722",
        name="data-not-looked-at",
        severity="info",
        summary="The numbers in the data were not looked at, or not all of them.",
        what=(
            "Shapes and kinds stand in a file's header. Ranges of ids, NaN and one-hot labels are seen in "
            "the numbers only, which NumPy reads. It is not installed, or there are too many."
        ),
        why=("The check is silent on what it did not see. So it says that it did not."),
        reason=_REASON.format("a very large file, or an environment without NumPy."),
    ),
)
