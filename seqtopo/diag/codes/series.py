"""ST723 to ST740: series that are cut into windows, tables, models' files, training, unequal lengths."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

_REASON = "It needs data beside the spec: {}"

ROWS: tuple[Code, ...] = (
    Code(
        code="ST723",
        name="series-shape",
        summary="What was given as a series is not one: other axes, no steps, or no feature of that name.",
        what=(
            "A series has two axes: time steps, and the features at each of them. With one axis only it is a "
            "series of one feature. Ids are one number a step."
        ),
        why=(
            "Cutting makes samples of (steps, features) from it. An array with three axes is most likely cut "
            "already, and goes into `fit` as it is."
        ),
        reason=_REASON.format("an array of shape (10, 24, 3) for `seqtopo.data.windows`."),
    ),
    Code(
        code="ST724",
        name="series-too-short",
        summary="The series is shorter than one window with its answer.",
        what=(
            "A window needs its steps, and those after it that are to be told. For a batch of consecutive "
            "pieces each row needs that many. Here are fewer in all."
        ),
        why=(
            "There would be no sample, and Keras would say that the data set has length 0. Often the axes "
            "are swapped, or the part that is held out is too small."
        ),
        reason=_REASON.format("a series of 20 steps for `in(24,1)`."),
    ),
    Code(
        code="ST725",
        name="series-gap",
        summary="The series has NaN or infinite numbers in it; the message says where the first one is.",
        what=(
            "Some number is NaN (not a number) or infinite. It comes from a gap in the data, from a division "
            "by zero or from a logarithm of zero."
        ),
        why=(
            "Every window that it falls into would make the loss NaN, and then all the weights. Fill it, or "
            "leave out that part of the series."
        ),
        reason=_REASON.format("a series with a NaN at step 17."),
    ),
    Code(
        code="ST726",
        name="series-remainder",
        summary="Steps or windows are left over, and it was said that none may be.",
        what=(
            'Pieces of equal length seldom fill a series to its end. With `remainder="error"` that is '
            "refused, and the message says how many are left over."
        ),
        why=(
            "`drop` leaves them out. `pad` fills the pieces up with zeros, whose answers have weight 0. "
            "Which is right depends on the data, so it can be said."
        ),
        reason=_REASON.format("100 steps in pieces of 24."),
    ),
    Code(
        code="ST727",
        name="series-for-spec",
        summary="The spec does not say how a series is cut for it, or what was asked for does not fit it.",
        what=(
            "The steps of a window, the batch and the answers come from the spec. Here it leaves one open, "
            "takes or gives something that no series has, or contradicts what was asked for."
        ),
        why=(
            "A window of another length or an answer of another shape would fail at the first batch, or be "
            "broadcast in silence. What the spec cannot say can be told beside it."
        ),
        reason=_REASON.format("a series of 3 features for a model that gives 1."),
    ),
    Code(
        code="ST728",
        name="table-row",
        summary="A row of a table has too many or too few fields, or one that is no number.",
        what=(
            "A series in a `.csv` file has a row for each step and a column for each feature. Names may "
            "stand in the first row, and columns of dates are left out."
        ),
        why=(
            "Guessing what a broken row means would put wrong numbers into the series. The message has the "
            "line and the column."
        ),
        reason=_REASON.format("a table with a word among its numbers."),
    ),
    Code(
        code="ST729",
        name="model-file",
        summary="A file is no saved model that can be loaded here, or none that this command can use.",
        what=(
            "A `.keras` file is a zip archive with the layers, the weights and how the model is trained. "
            "This one is missing, damaged or something else, or its model cannot do what was asked for."
        ),
        why=(
            "Files are written whole or not at all, so a damaged one was hurt on its way. A model with "
            "layers of its own needs the package that they come from."
        ),
        reason="It needs a saved model: a text file that is called `model.keras`.",
    ),
    Code(
        code="ST730",
        name="sample-weights",
        summary="Sample weights have another shape than the answers that they weigh.",
        what=(
            "A loss is one number for each answer: for each sample, or for each step of each sample where "
            "the model answers at every step. Weights stand beside them, in the same shape."
        ),
        why=(
            "Keras multiplies the two as they are. Weights (40,10) for one answer a sample stop at batches "
            "of 8; at batches of 10 they are multiplied the wrong way round, and no one says a word. Weights "
            "(N,) for answers at every step need an axis more: (N,1)."
        ),
        reason=_REASON.format("weights of shape (40, 10) for a model that gives one answer."),
    ),
    Code(
        code="ST731",
        name="not-finite",
        summary="A loss, a score or a forecast is not finite, or a number is too large for float32.",
        what=(
            "Something came to NaN (not a number) or to infinity. The message says where: the feature and "
            "the step of the data, the epoch and the loss or metric, or the step of a forecast."
        ),
        why=(
            "Models compute in float32, whose largest number is 3.4e38. Once a loss is NaN, all the weights "
            "are, and nothing that the model gives means anything. Mostly the learning rate is too high, or "
            "the data was not scaled."
        ),
        reason=_REASON.format("a feature with a value of 1e308."),
    ),
    Code(
        code="ST732",
        name="would-replace",
        summary="A command would write over a file that is there already, and nobody said that it may.",
        what=(
            "`fit` saves a model and a picture of its loss. There is a finished model, or another picture, "
            "at that path. An unfinished run at the same path goes on by itself."
        ),
        why=(
            "A trained model may be the work of hours, and a file that was written over is gone. `--force` "
            "replaces it; `-o` saves elsewhere."
        ),
        reason="It needs a file that a command would write over.",
    ),
    Code(
        code="ST733",
        name="known-ahead",
        summary="What is known of the steps ahead does not fit the model or the number of steps.",
        what=(
            "A model that tells some of its features needs the others for each step that it goes on for. A "
            "file of them has a row for each of these steps, and a column for each of these features."
        ),
        why=(
            "Without them the model can go on only as far as it tells in one go. With a row too few, or a "
            "column of another feature, it would go on from something else."
        ),
        reason=_REASON.format("`forecast --future` with a file that lacks a column."),
    ),
    Code(
        code="ST734",
        name="sorted-samples",
        severity="warning",
        summary="What is held out has classes of which training sees none: the samples seem to be sorted.",
        what=(
            "`fit` holds out the last samples of a file. Most of them are of a class that none of the "
            "samples before them has, as where a file has one class after the other."
        ),
        why=(
            "The model cannot learn a class that it never sees, and it is measured by just that class. "
            "Shuffle the samples, x and y by the same order, before they are saved."
        ),
        reason=_REASON.format("samples of class 0, and then those of class 1."),
    ),
    Code(
        code="ST738",
        name="unequal-lengths",
        summary="The samples are not of one length.",
        what=(
            "An array has one number of steps for all of its samples. Samples of unequal lengths are padded "
            "to one, and the model masks the padding, so that it takes no part: `in(T,8) -> mask` for "
            "numbers, with zeros as padding, `in(T,int) -> embed(1000,64,mask)` for ids, with 0 as the id of "
            "padding. "
            "`--pad`, `pad=True` and `seqtopo.data.pad(samples)` make the array. NumPy saves a list of "
            "unequal arrays as a pickle, which is never opened, since opening one runs code: "
            "`numpy.savez(path, *samples, y=y)` saves one plain array for each."
        ),
        why=(
            "A list of samples is otherwise taken for one array for each input, and Keras stops at the first "
            "batch. Without a mask the padding counts as data: the last step of most samples would be zeros."
        ),
        reason=_REASON.format("x of samples of 2 to 7 steps for `in(T,3)`."),
    ),
    Code(
        code="ST739",
        name="padding-read-as-data",
        severity="warning",
        summary="Samples are padded, and nothing in the spec masks the padding.",
        what=(
            "Samples of unequal lengths were padded to one. No layer behind this input makes a mask of it, "
            "so what reads the steps reads the padding as well. Labels that are padded need a mask, too, "
            "which reaches the output that they are for, or weights of 0 for the padded steps."
        ),
        why=(
            "The last step of most samples is padding then, and a recurrent layer that keeps its last step "
            "has forgotten much of what came before. How long a sample is tells in the answer."
        ),
        reason=_REASON.format("x of samples of 2 to 7 steps for `in(T,3) -> lstm(8)`, with `--pad`."),
    ),
    Code(
        code="ST740",
        name="data-masked-as-padding",
        severity="warning",
        summary="The data holds the value that is masked as padding.",
        what=(
            "A mask skips every step that holds the value of padding: the id 0, or features that are 0 "
            "throughout. Some steps of the samples, before they were padded, are just that."
        ),
        why=(
            "Those steps are skipped like padding, as if they had not been measured. Ids that begin at 1 "
            "leave 0 for padding, and for features `mask(-1)` with padding of -1 does, where no step is -1."
        ),
        reason=_REASON.format("ids from 0 for `embed(100,8,mask)`, with `--pad`."),
    ),
)
