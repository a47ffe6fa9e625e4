"""ST5xx: a Keras model that is read back into a spec, and what the spec cannot say of it."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

_OF_A_MODEL = "It is about a Keras model's file, which no spec alone can show."

ROWS = (
    Code(
        code="ST501",
        name="no-model-file",
        summary="A file holds no Keras model's configuration, or it is damaged.",
        what=(
            "A `.keras` file is an archive with a `config.json` in it; that alone is read, up to 64 MB "
            "and 240 levels deep. A `.json` file holds what `model.to_json()` gives. Files that end in "
            "`.h5` are of an older form: load them in Keras and save them as `.keras`."
        ),
        why=(
            "Nothing in the file is run, and neither weights nor Keras are loaded, so that a file from a "
            "stranger can be looked at. The bounds keep a file that was made to do harm from filling the "
            "memory."
        ),
        reason=_OF_A_MODEL,
    ),
    Code(
        code="ST502",
        name="wrong-config",
        summary="A model's configuration is not what Keras 3 writes.",
        what=(
            "Something is missing, of another type than Keras writes, or goes round in a circle; or the "
            "model is a subclass whose `call` is Python code, so that its configuration holds no graph. "
            "Save the model anew with Keras 3, or make it of Sequential and functional parts."
        ),
        why=(
            "The configuration is all there is to read: guessing what was meant would give a spec of "
            "another model. What is only unknown, such as a layer without a row, is no error but ST503."
        ),
        reason=_OF_A_MODEL,
    ),
    Code(
        code="ST503",
        name="unsaid-layer",
        summary="A layer or an operation has no word in the language.",
        what=(
            "A `Lambda`, a custom layer that is not registered here, or an operation of `keras.ops` that "
            "no row stands for. In the spec it stands as `identity` where it keeps the shape, and else "
            "what it gives comes in as an input of its own; so the rest of the model can still be read "
            "and checked."
        ),
        why=(
            "A spec is data and holds no code. A layer of your own can join the language with "
            "`@seqtopo.layer`, after which the same model comes back whole."
        ),
        severity="warning",
        reason=_OF_A_MODEL,
    ),
    Code(
        code="ST504",
        name="unsaid-argument",
        summary="An argument of a layer or of its call cannot be said, and is left out.",
        what=(
            "The layer has a row, but the row has no such parameter or does not take this value: "
            "`training=True` in a call, say, or an initializer that is a Python object. Or Keras does not "
            "save it, as the gain of `identity`: a live model still has it, and a file does not. The spec "
            "has the layer without it."
        ),
        why=(
            "Without the argument the built model may compute something else, so it is never left out in "
            "silence. Set it in Python on the built model, where it matters."
        ),
        severity="warning",
        reason=_OF_A_MODEL,
    ),
    Code(
        code="ST505",
        name="unsaid-training",
        summary="Something that the model was compiled with cannot be said by train.",
        what=(
            "A loss, metric or optimizer that is a Python function or a class of your own, or one with an "
            "argument that `train` does not know; or one that Keras does not save, as the `delta` of "
            "`huber`, where the model comes from a file. The rest of what the model was compiled with is "
            "there."
        ),
        why=(
            "`train` names Keras' own objects only, since a spec holds no code. Call `model.compile` in "
            "Python with the missing part."
        ),
        severity="warning",
        reason=_OF_A_MODEL,
    ),
    Code(
        code="ST506",
        name="said-otherwise",
        summary="The spec says something by other layers, to the same outputs.",
        what=(
            "An addition in Python, `x + y`, is an operation in Keras and the layer `add` in a spec; the "
            "layers of a model inside the model stand in the whole; states that nothing uses are not "
            "returned. The built model gives the same outputs from the same weights, but its "
            "configuration is not the same."
        ),
        why=(
            "It matters to those who compare configurations or load weights by the order of the layers. "
            "Everyone else can ignore it, so it is no warning."
        ),
        severity="info",
        reason=_OF_A_MODEL,
    ),
    Code(
        code="ST507",
        name="unsaid-name",
        summary="A name of the model is no name in a spec, and is left out.",
        what=(
            "Names in a spec are letters, digits and underscores, begin with a lower-case letter, and are "
            'no words of the language. Layers can have any other name by `name="..."`; inputs, operations '
            "and models cannot."
        ),
        why="Code that finds a layer or an input by its name would not find it. The outputs are the same.",
        severity="warning",
        reason=_OF_A_MODEL,
    ),
    Code(
        code="ST509",
        name="refused-call",
        summary="Keras builds a call that seqtopo refuses, so the spec leaves it out.",
        what=(
            "The checker is stricter than Keras in places: values of different ranks are not added, for "
            "example. The message says what it finds wrong. In the spec the call stands as `identity` "
            "where it keeps the shape, and else what it gives comes in as an input of its own."
        ),
        why=(
            "A spec that is written must check, or it could not be built. Very often what is refused was "
            "not meant: look at the model there first."
        ),
        severity="warning",
        reason=_OF_A_MODEL,
    ),
)
