"""ST43x: the model stands, but another program's format cannot be written from it here."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

REASON = "It depends on what is installed and on the backend that writes, not on the spec."

ROWS = (
    Code(
        code="ST431",
        name="cannot-export",
        summary="The backend cannot write this model in that format.",
        what=(
            "Each backend has a converter of its own for each format, and each converter has gaps: that of "
            "JAX, for one, knows no loop that runs backwards, so it cannot write `bi(lstm(8))` as ONNX. The "
            "notes show what it said. A `.keras` file moves between backends, so `--via` lets another one "
            "write it."
        ),
        why="The model itself is fine: it builds, trains and predicts. Only the way out is closed here.",
        reason=REASON,
    ),
    Code(
        code="ST432",
        name="export-differs",
        summary="What was exported gives something else than Keras, or does not run.",
        what=(
            "What is exported is run in the program it is for, at two batch sizes and two lengths where they "
            "are open, and compared with Keras. Here the two differ, so the file was not kept."
        ),
        why=(
            "A converter may write down what it saw once as if it were always so: a loop of one step, a "
            "batch of one. Such a file looks right and answers wrongly, which nobody notices until it serves."
        ),
        reason=REASON,
    ),
    Code(
        code="ST433",
        name="no-exporter",
        summary="There is no such format, or what writes it is not installed.",
        what=(
            "The ending of the file says the format: `.onnx`, `.tflite`, `.pt2`, or none for the folder of a "
            "TensorFlow SavedModel; `--format` says it by name. ONNX needs a package for each backend: "
            "tf2onnx, jax2onnx or onnxscript, and onnxruntime to be compared. The extra "
            "`export` brings them all, and the message says by which command those that are missing."
        ),
        why=(
            "Building and training need none of it, so it is not installed along. What is missing is looked "
            "for before anything is built."
        ),
        reason=REASON,
    ),
    Code(
        code="ST434",
        name="export-needs-steps",
        summary="This way of exporting a recurrent layer needs a number of time steps.",
        what=(
            "PyTorch writes a loop out step by step, and TensorFlow Lite has lists of a fixed length only. "
            "So the number of time steps must be known: bind it with `-D T=24`. Or take a way that keeps it "
            "open: ONNX or a SavedModel through TensorFlow or JAX."
        ),
        why=(
            "Without the number, such an exporter writes a loop of a single step. The file loads, runs, and "
            "answers for the first step only."
        ),
        reason="The spec alone is fine; it depends on the format.",
    ),
    Code(
        code="ST435",
        name="export-stateful",
        summary="A stateful model cannot be exported as it is.",
        what=(
            "What is exported is a function: it keeps nothing between calls. The one-step twin of the model "
            "(`--step`, or `step=True`) takes its states as inputs and gives the next ones as outputs, so "
            "the program that runs it hands them on."
        ),
        why=(
            "Exported as it is, each call would start from the same states, without a word. A series that is "
            "handed over piece by piece would be forgotten after each piece."
        ),
        reason="The spec alone is fine; only exporting it is refused.",
    ),
    Code(
        code="ST436",
        name="keras-version",
        summary="The Keras that is installed is of a version that seqtopo does not work with.",
        what=(
            "Layers, their arguments and the format of saved models differ between versions of Keras. The "
            "message says which one is installed, which ones work, and the command that installs one."
        ),
        why=(
            "An older Keras lacks layers and arguments that the checker knows. A model would fail while it "
            "is built, or later, with words that say nothing of the version."
        ),
        reason="It depends on what is installed, not on the spec.",
    ),
    Code(
        code="ST437",
        name="keras-does-not-load",
        summary="Keras, or the backend it is to run on, is installed but cannot be loaded.",
        what=(
            "Python found the packages and failed while it imported them. The note has the error's own "
            "words: a package that another one needs is missing, two versions do not go together, or a "
            "library of the system is not there."
        ),
        why=(
            "Nothing is known to be wrong with the spec. `seqtopo check` needs neither Keras nor a backend; "
            "what builds a model needs one that loads."
        ),
        reason="It depends on what is installed, not on the spec.",
    ),
)
