"""ST4xx: the spec is fine, but the model cannot be built from it here; ST9xx: our own bug."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS = (
    Code(
        code="ST401",
        name="unbound-symbol",
        summary="A symbol needs a number before the model can be built.",
        what=(
            "The checker can reason about `lstm(U)` without knowing U; Keras cannot make weights for it. "
            "Bind the symbol with `let U = 64` in the spec, with `-D U=64` on the command line, or with "
            "`compile(U=64)` in Python. The message shows the place that needs the number."
        ),
        why=(
            "A symbol says that sizes agree without saying what they are, so one spec serves many models. "
            "The number of time steps may stay open in Keras too, but the number of units decides how many "
            "weights there are."
        ),
        instead="let U = 64\nin(5,2) -> lstm(U,seq)",
        reason="The spec alone is fine: `in(5,2) -> lstm(U,seq)` checks clean. Only building it needs U.",
    ),
    Code(
        code="ST402",
        name="no-backend",
        summary="The backend that was asked for is unknown, or is not installed.",
        what=(
            "Keras computes with TensorFlow, PyTorch or JAX, called `tensorflow`, `torch` and `jax`. "
            "Install the one you want next to Keras, and name it with `--backend` or in the environment "
            "variable `KERAS_BACKEND`."
        ),
        why=(
            "Checking a spec needs no backend at all, so none is installed along. Building and training "
            "need exactly one, and it has to be chosen before Keras is loaded."
        ),
        reason="It depends on what is installed, not on the spec.",
    ),
    Code(
        code="ST403",
        name="too-many-parameters",
        summary="The model has more parameters than `--max-params` allows.",
        what=(
            "The parameters are counted from the spec, before anything is allocated. This model has more "
            "than the limit. Make it smaller, or raise the limit if you have the memory."
        ),
        why=(
            "A slip such as `flatten` before `dense(4096)` easily asks for billions of weights. Without the "
            "limit the machine would run out of memory, often without a message."
        ),
        reason="The limit is given when building; the same spec passes under a higher one.",
    ),
    Code(
        code="ST404",
        name="refused-by-keras",
        summary="Keras refused a spec that we had accepted; please report it.",
        what=(
            "The checker found nothing wrong, and Keras raised an error while the model was built. Its own "
            "words stand in the notes. Either our rule for that layer is wrong, or your Keras is newer than "
            "the ones we know."
        ),
        why=(
            "What we accept should build, always. Each report of this code becomes a test, so please send "
            "the spec and the versions that the message shows."
        ),
        reason="We know of no spec that does this; if you have one, please report it.",
    ),
    Code(
        code="ST405",
        name="file-trouble",
        summary="A file cannot be read or written.",
        what=(
            "The file is missing, is a folder, may not be opened, or does not hold UTF-8 text. The message "
            "gives the path and what the operating system said. Use `-` to read the spec from the standard "
            "input."
        ),
        why=(
            "Nothing is wrong with the spec as far as we know, because we have not seen it. Look at the "
            "path and at the permissions first."
        ),
        reason="It depends on the files of your machine, not on the spec.",
    ),
    Code(
        code="ST406",
        name="bad-binding",
        summary="A binding given from outside is not in the spec, or is no value.",
        what=(
            "`-D T=48` and `compile(spec, T=48)` give a value to a name of the spec, or replace that of "
            "its `let`: a number, a tuple, a word, a layer or a flow. This one binds a name that the spec "
            "does not use, or its value cannot be read. The message lists the names that there are."
        ),
        why=(
            "A binding that has no effect is nearly always a misspelt one. Going on in silence would build "
            "the model with another size than you asked for."
        ),
        reason="It depends on what is given beside the spec.",
    ),
    Code(
        code="ST421",
        name="not-writable-as-python",
        summary="A layer of your own cannot be written into a Python file.",
        what=(
            "`seqtopo build -o model.py` writes Keras code that needs nothing of seqtopo. A custom layer is "
            "imported there from the module that defines it, so it has to stand at the top of one: not in "
            "a notebook, in the script that is running, or inside a function. Its arguments have to be "
            "numbers, strings, booleans or tuples of them."
        ),
        why=(
            "The file is meant to be read and run on its own. Code that could not find the layer, or found "
            "another of the same name, would only fail later."
        ),
        reason="It depends on where the custom layer is defined, not on the spec.",
    ),
)
