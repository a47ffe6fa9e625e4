"""Define the public functions of ``seqtopo``: signatures that call the rooms below."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqtopo.diag.error import SpecError
from seqtopo.graph.buildable import MAX_PARAMS
from seqtopo.lint.selection import selection
from seqtopo.report.analyse import Text, analyse, is_space, linted, report_on
from seqtopo.report.report import Report
from seqtopo.source import Source
from seqtopo.syntax.pasted import reports_python
from seqtopo.syntax.print import format_text
from seqtopo.syntax.read import CODE

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    import numpy as np
    import optuna

    from seqtopo.code.findings import CheckedModel
    from seqtopo.runtime.kernels.predictor import Predictor
    from seqtopo.searching.points import SpecHyperModel


def check(
    spec: Text,
    *,
    x: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    pad: bool = False,
    loss: str | None = None,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    **dims: Any,
) -> Report:
    """Check a spec without Keras and without NumPy; with data, against the data too.

    Args:
        spec: the text, or a ``pathlib.Path`` of it; or the path of a Python file or notebook, whose Keras
            models are read, see ``read_code``.
        x: data for the inputs: an array ``(samples, ...)`` or the path of an ``.npy`` or ``.npz`` file;
            for several inputs a list of them in the order of the text, or a dictionary by name. Symbols of
            ``in(...)`` without a value get theirs from the shapes. With data, NumPy is loaded: it reads
            files, and checks ids, ranges and NaN.
        y: labels for the outputs, in the same forms as ``x``.
        sample_weight: the sample weights for ``fit``: shape ``(samples,)`` for one answer a sample, else
            ``(samples, T)``; one array for all outputs, or one for each.
        pad: True pads samples of unequal lengths, such as a list of arrays ``(T, F)``, to the longest one, as
            ``seqtopo.data.pad`` does, with the value that the spec masks (0, or V of ``mask(V)``).
        loss: the loss to check ``y`` against, where the spec has no ``train`` statement with one.
        select: rules to switch on beside those that are on by default: codes, names of codes, or
            prefixes of codes; ``ALL`` selects every rule.
        ignore: rules to switch off, in the same forms. Errors cannot be switched off.
        dims: values of names: numbers, or texts such as ``"relu"`` or ``"lstm"``; they win over ``let``.

    Returns:
        The report; a mistake in the spec is a diagnostic in it, never an exception. For a Python file with
        one model, it is the report of the model; for one with several, it has all diagnostics and no shapes.

    Raises:
        ValueError: ``select`` or ``ignore`` names no code, or ``loss`` no loss; or there is data for a Python
            file that makes several models, and fits none or several of them.

    >>> report = check("in(T,8) -> lstm(64,seq) -> dense(3)")
    >>> report.ok, report.kind, report.params
    (True, 'many-to-many', 18883)
    >>> check("in(T,8) -> lstm(64) -> lstm(32)").diagnostics[0].code
    'ST301'
    """
    with_arrays = not (x is y is sample_weight is loss is None)
    if isinstance(spec, os.PathLike) and os.fspath(spec).lower().endswith(CODE):
        from seqtopo.code.asked import Asked, GivenData  # a spec is checked without reading any Python
        from seqtopo.code.check import report_of_file

        given = GivenData(x, y, sample_weight, loss, pad) if with_arrays else None
        return report_of_file(spec, Asked(selection(select, ignore), dims, data=given))
    checked = analyse(spec, dims)
    if any(map(reports_python, checked.diagnostics)):
        from seqtopo.code.check import with_models  # few specs are Python, and it takes long to load

        checked = with_models(checked)
    if with_arrays:
        from seqtopo.data.fitting import with_data

        checked = with_data(checked, x, y, loss, dims, sample_weight, pad=pad)
    space = None
    if is_space(checked):
        from seqtopo.report.space_walk import spaced  # few specs are spaces

        checked, space = spaced(checked, dims)
    return report_on(linted(checked, selection(select, ignore)), space)


def read_code(
    code: Text, *, select: str | Iterable[str] = (), ignore: str | Iterable[str] = ()
) -> list[CheckedModel]:
    r"""Read the Keras models that Python code makes, and check them, without running the code.

    Args:
        code: the text of a Python file or of a notebook, or a ``pathlib.Path`` of one.
        select: rules to switch on beside those that are on by default, as in ``check``.
        ignore: rules to switch off, in the same way.

    Returns:
        The models in the order in which the code makes them. Each has ``name``, the variable or function
        that has it; ``place``, where it is made; ``spec``, its spec, "" if the code does not say enough;
        ``left_out``, warnings about parts that the spec lacks; and ``report``, as ``check`` returns it, with
        diagnostics in the Python text.

    Raises:
        ValueError: ``select`` or ``ignore`` names no code.

    >>> (model,) = read_code(
    ...     "from keras import Input, Sequential, layers\n"
    ...     "model = Sequential([Input((10, 4)), layers.LSTM(8), layers.Dense(1)])\n"
    ... )
    >>> model.name, model.spec, model.report.params
    ('model', 'in(10,4) -> lstm(8) -> dense(1)\n', 425)
    """
    from seqtopo.code.asked import Asked  # a spec is checked without reading any Python
    from seqtopo.code.check import check_path, check_text

    chosen = selection(select, ignore)
    if isinstance(code, os.PathLike):
        return check_path(code, Asked(chosen)).models
    return check_text(code, "<code>", None, chosen).models


def format_spec(text: str) -> str:
    r"""Format a spec in the house style, with its comments; a formatted text is returned unchanged.

    Raises:
        SpecError: the text cannot be read.

    >>> format_spec("in( T , F )->lstm( 64,seq )")
    'in(T,F) -> lstm(64,seq)\n'
    """
    formatted, found = format_text(Source(text))
    if formatted is None:
        raise SpecError(tuple(found))
    return formatted


def compile(
    spec: Text,
    *,
    backend: str | None = None,
    seed: int | None = None,
    max_params: int = MAX_PARAMS,
    step: bool = False,
    kernels: bool = True,
    **dims: Any,
) -> keras.Model:
    """Build the Keras model that a spec describes, of stock Keras layers.

    Args:
        spec: the text, or a ``pathlib.Path`` of it.
        backend: ``jax``, ``torch`` or ``tensorflow``; else ``KERAS_BACKEND`` decides, then
            ``keras.json``, then what is installed. Must be chosen before Keras is imported.
        seed: the seed of the initial weights, which are drawn on the host: the same spec and seed give the
            same weights, to the bit, on every backend. Dropout and noise start from it too. Without a seed,
            each build has other weights, as in Keras; ``keras.utils.set_random_seed`` makes them the same in
            each run of a program.
        max_params: the maximum number of parameters; a larger model is not built.
        step: True returns the one-step model instead, made of the same layers. Its inputs are one time step
            of each sequence, ``(batch, F)``, then the states; its outputs are those of the model, then the
            next states. Its method ``start(batch_size)`` returns the initial states.
        kernels: True runs the layers on the fastest kernels there are for them, see ``kernels``; False runs
            them as Keras does.
        dims: values of names: numbers, or texts such as ``"relu"`` or ``"lstm"``; they win over ``let``.

    Returns:
        The model of the last flow, compiled where the spec has a ``train`` statement. It has a
        method ``part(name)`` for the spec's named models, with the same weights; and it is attached,
        see ``attach``.

    Raises:
        SpecError: the spec has errors, a symbol has no number, or no backend can be loaded.
        ValueError: with ``step``, a layer needs later steps, and cannot run step by step; or the seed is
            not a whole number from 0 up.

    >>> model = compile("in(T,F) -> lstm(8) -> dense(1)", T=24, F=3)
    >>> model.output_shape, model.count_params()
    ((None, 1), 393)
    >>> compile("in(?,3) -> lstm(8,seq) -> dense(1)", step=True).output_shape
    [(None, 1), (None, 8), (None, 8)]
    """
    from seqtopo.runtime.building import build, keras_refusals

    built = build(analyse(spec, dims), backend, max_params, kernels=kernels, seed=seed)
    with keras_refusals(built.resolved.source):
        model = built.main()
    if not step:
        return model
    from seqtopo.runtime.stepping.one_step import one_step

    step_model = one_step(model)
    step_model.model.start, step_model.model.part = step_model.start, built.part
    return step_model.model


def compile_all(
    spec: Text,
    *,
    backend: str | None = None,
    seed: int | None = None,
    max_params: int = MAX_PARAMS,
    kernels: bool = True,
    **dims: Any,
) -> dict[str, keras.Model]:
    """Build every named model of a spec; they share their layers, and so their weights.

    Takes the arguments of ``compile``, and raises the same errors.

    Returns:
        The models by name: each binding that has a source, and each block that is used, as a model of its
        own. The model of the last flow, if it has no name, is called ``model``.

    >>> models = compile_all('''
    ... encoder = in(5,3) -> lstm(4)
    ... decoder = in(4) -> repeat(5) -> lstm(3,seq)
    ... autoencoder = encoder -> decoder
    ... ''')
    >>> sorted(models), models["decoder"].output_shape
    (['autoencoder', 'decoder', 'encoder'], (None, 5, 3))
    """
    from seqtopo.runtime.building import build, keras_refusals

    built = build(analyse(spec, dims), backend, max_params, kernels=kernels, seed=seed)
    with keras_refusals(built.resolved.source):
        main = built.main()
        found = {name: built.part(name) for name in built.parts()}
    found[built.resolved.graph.name] = main
    return found


def to_python(spec: Text, *, part: str = "", max_params: int = MAX_PARAMS, **dims: Any) -> str:
    """Write the Keras code of the model that a spec describes: a module with ``build()``.

    Running the code makes the model that ``compile`` makes, with the same config, and needs Keras without
    seqtopo. Writing it does not load Keras.

    Args:
        spec: the text, or a ``pathlib.Path`` of it.
        part: a named model of the spec, instead of that of the last flow.
        max_params: the maximum number of parameters; the code of a larger model is not written.
        dims: values of names: numbers, or texts such as ``"relu"`` or ``"lstm"``; they win over ``let``.

    Returns:
        The text of the module.

    Raises:
        SpecError: the spec has errors, a symbol has no number, or a custom layer cannot be imported.
        KeyError: the spec has no part of that name.

    >>> written = to_python("in(24,3) -> lstm(64) -> dense(1)")
    >>> for line in written.splitlines()[8:12]:
    ...     print(line.strip())
    inputs = keras.Input(shape=(24, 3), name="input")  # (batch, 24, 3)
    x = layers.LSTM(64, name="lstm")(inputs)  # (batch, 64)
    x = layers.Dense(1, name="dense")(x)  # (batch, 1)
    return keras.Model(inputs, x, name="model")
    """
    from seqtopo.emit.python.write import python_of

    return python_of(analyse(spec, dims), max_params, part)


def decompile(model: keras.Model | str | Path | Mapping[str, Any], *, strict: bool = False) -> str:
    """Return the spec of a Keras model, as a person would write it.

    Repeats are folded into ``* 3`` or ``for``, repeated parts into ``def``, residual blocks into
    ``res``; names are kept if somebody chose them, and ``train`` has the arguments of the model's
    ``compile``. Compiling the spec makes the same model again. Parts that a spec cannot say, such as a
    ``Lambda``, are left out, and listed in comments at the top.

    Args:
        model: a Sequential or functional model; or the path of a ``.keras`` or ``.h5`` file, or of the
            ``.json`` text that ``model.to_json()`` gives, of Keras 0.3 to 3; or such a configuration as a
            dictionary. Files are read without Keras, and nothing in them is run.
        strict: True raises an error if a part is left out.

    Returns:
        The spec, in the house style.

    Raises:
        SpecError: there is no model in the file, or it is a subclass whose ``call`` is code; with
            ``strict``, also where a spec cannot say all of it.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(?,3) -> lstm(8,seq) -> lstm(8,seq) -> dense(1)")
    >>> print(seqtopo.decompile(model), end="")
    in(T,3) -> lstm(8,seq) * 2 -> dense(1)
    """
    from seqtopo.decompiler.decompile import decompiled

    found = decompiled(model)
    if strict and found.lossy:
        raise SpecError(tuple(d for d in found.diagnostics if d.severity == "warning"))
    return found.text


def rollout(
    model_or_spec: keras.Model | str | Path,
    history: Any,
    steps: int,
    *,
    future: Any = None,
    sample: Any = None,
    progress: Any = False,
    seed: int | None = None,
    mode: str | None = None,
    states: Any = None,
) -> np.ndarray:
    """Continue a history: feed each output back in as the next input, in one compiled loop.

    Args:
        model_or_spec: a model from seqtopo, or any functional or Sequential Keras model; or a spec, which is
            compiled with fresh weights.
        history: the steps so far: ``(batch, T, F)``, ids ``(batch, T)``, or without the batch axis for a
            single sequence. For several inputs a list, or a dict by their names.
        steps: the number of steps to predict.
        future: features that are known ahead, ``(batch, steps, G)``: the last G features of a model that
            takes F+G and gives F; or the values of its second input. Row i belongs to step i of the answer.
        sample: for models that say how likely each token is: ``sampling.greedy`` (ids get it by
            themselves), ``sampling.temperature(0.8)``, ``sampling.top_k(5)``, or any function from logits
            (batch, V) to ids (batch,) of ``keras.ops``. A softmax at the model's end is undone by the
            logarithm. Ids go back into a model of vectors as vectors with a single 1.
        progress: True shows a bar on a terminal and in a notebook; a function is called with (done, steps).
        seed: the seed of the draws of ``sample``; with the same seed every backend draws the same.
        mode: ``"step"`` carries the states and computes one step at a time, with the model that ``one_step``
            derives; ``"window"`` slides a window that the model reads anew for each step. Without a mode, it
            is by steps if the length is open (``in(?,F)``), a layer is ``stateful``, or the history is
            shorter than a causal model of fixed length takes; else by a window of the model's length.
        states: the states before the history: zeros by default, even for a ``stateful`` model, whose own
            states are neither read nor changed; ``"model"`` for the model's own; or the arrays.

    Returns:
        The answers (batch, steps, F), or ids (batch, steps); without the batch where the history had none. An
        answer is what the model gives for the last step of what it has read. Of several outputs the first is
        fed back, into the first input with time steps.

    Raises:
        ValueError: an argument does not fit the model, or the model cannot be run in this mode; the message
            says what to do.
        SpecError: the spec cannot be compiled.

    Feeding predictions back is called iterated (recursive) multi-step forecasting: Chevillon, "Direct
    multi-step estimation and forecasting" (2007); for text see Graves (2013).

    >>> import numpy as np
    >>> model = compile("in(?,2) -> lstm(8,seq) -> dense(2)")
    >>> rollout(model, np.zeros((3, 10, 2)), 5).shape
    (3, 5, 2)
    """
    model = compile(model_or_spec) if isinstance(model_or_spec, (str, os.PathLike)) else model_or_spec
    from seqtopo.runtime.stepping.rollout import rolled_out

    return rolled_out(
        model,
        history,
        steps,
        future=future,
        sample=sample,
        progress=progress,
        seed=seed,
        mode=mode,
        states=states,
    )


def generate(
    model: keras.Model,
    source: Any,
    *,
    start: Any,
    max_steps: int,
    future: Any = None,
    stop: int | None = None,
    sample: Any = None,
    beams: int = 1,
    length_penalty: float = 1.0,
    seed: int | None = None,
    target: str | None = None,
) -> np.ndarray:
    """Write a sequence for each source with an encoder-decoder that was trained by teacher forcing.

    The encoder reads once; then the decoder's one-step model is fed its own outputs. Both are derived
    from the trained model, with its weights.

    Args:
        model: a model of two or more inputs, such as a decoder with ``init=encoder.state`` or with attention
            over the encoder's outputs.
        source: the encoder's input: ``(batch, T, F)`` or ids ``(batch, T)``; for several inputs a list, or a
            dict by names.
        start: the decoder's first input: an id, or a vector ``(F,)``; or one for each row.
        max_steps: the number of steps to write.
        future: features that are known ahead, ``(batch, max_steps, G)``, such as a calendar: the last G
            features of the decoder's input, if that has F+G and the model gives F; or the values of an input
            of its own. Row i is read together with the output of the step before step i.
        stop: the id that ends a sequence; the rest of its row is filled with this id.
        sample: the function that chooses an id, as in ``rollout``; by default the likeliest id.
        beams: the number of sequences that a beam search keeps; 1 is no beam search.
        length_penalty: beams are ranked by the sum of the logarithms of the probabilities over the length to
            this power: 0 favours short ones, 1 takes the mean (Wu et al., "Google's Neural Machine
            Translation System", 2016, section 7).
        seed: the seed of the draws of ``sample``.
        target: the name of the input that is written, if the model has several that it may be.

    Returns:
        Ids (batch, max_steps), or vectors (batch, max_steps, F).

    Raises:
        ValueError: an argument does not fit the model, or the model cannot be run step by step; the message
            says what to do.

    Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks" (2014).

    >>> import numpy as np
    >>> model = compile('''
    ... encoder = in(?,int(9)) as source -> embed(9,4) -> lstm(8)
    ... decoder = in(?,int(9)) as target -> embed(9,4) -> lstm(8,seq,init=encoder.state) -> dense(9)
    ... ''')
    >>> generate(model, np.ones((3, 6)), start=8, max_steps=5).shape
    (3, 5)
    """
    from seqtopo.runtime.stepping.generating import generated

    return generated(
        model,
        source,
        start=start,
        future=future,
        stop=stop,
        max_steps=max_steps,
        sample=sample,
        beams=beams,
        length_penalty=length_penalty,
        seed=seed,
        target=target,
    )


def search(
    spec: Text,
    data: str | os.PathLike[str],
    *,
    trials: int = 50,
    storage: str | optuna.storages.BaseStorage | None = None,
    study: str = "search",
    seed: int = 0,
    folds: int = 1,
    sampler: str = "tpe",
    prune: str = "median",
    max_params: int | None = None,
    min_steps: int | None = None,
    epochs: int = 10,
    batch: int | None = None,
    steps: int | None = None,
    horizon: int | None = None,
    stride: int = 1,
    target: Sequence[str] | None = None,
    validation: float = 0.2,
    scale: bool = False,
    series: str | None = None,
    pad: bool = False,
    same: bool = False,
    widen: bool = False,
    backend: str | None = None,
    kernels: bool = True,
    **dims: Any,
) -> optuna.Study:
    r"""Search the space of a spec with ``search`` lines for the topology with the lowest held-out loss.

    The whole space is looked at before anything trains. Each trial is trained as the command ``fit`` trains
    a spec; a trial's seed follows from the study's and its number. Several processes may work on one study:
    call this with the same ``storage`` and ``study`` in each.

    Args:
        spec: the text, or a ``pathlib.Path`` of it.
        data: a ``.csv``, ``.npy`` or ``.npz`` file, as ``fit`` takes it. No trial sees the last
            ``validation`` share of it; of the rest, the same share at the end scores each trial.
        trials: the number of trials that the study is to have, those of other processes included.
        storage: ``journal://FILE`` for processes of one machine, any URL that Optuna takes for several
            machines, or an Optuna storage; in memory if not told.
        study: the name of the study in the storage.
        seed: the seed of the draws and of the trainings. ``random`` and ``grid`` give the same trials
            with any number of processes.
        folds: the number of successive parts of the data that each trial is scored on; the mean counts.
        sampler: ``"tpe"``, ``"random"``, ``"gp"``, ``"cmaes"`` or ``"grid"``.
        prune: ``"median"``, ``"hyperband"`` or ``"none"``.
        max_params: the maximum number of parameters of a trial, which is checked before it trains.
        min_steps: the minimum number of time steps that any layer of a trial gives.
        epochs: the number of epochs of each trial.
        batch: the batch size (None: that of the spec, or 32).
        steps: the number of time steps of a window, if the spec leaves it open.
        horizon: the number of steps ahead to predict, if the spec does not say it.
        stride: the number of steps from one window to the next.
        target: the features to predict, by name or number from 0, if not all.
        validation: the share that is held out.
        scale: True scales each feature to mean 0 and standard deviation 1.
        series: the column of a ``.csv`` file that names the series of each row.
        pad: True pads samples of unequal lengths.
        same: True trains on the window itself as label, as an autoencoder does.
        widen: True lets an existing study go on in a wider space.
        backend: as in ``compile``.
        kernels: as in ``compile``.
        dims: values of names; what is bound is not searched.

    Returns:
        The ``optuna.Study``. ``spec_of_trial(study.best_trial, spec)`` is the best spec. A trial has the user
        attributes ``params``, ``seed``, ``seconds``, ``latency``, and ``why`` where it failed.

    Raises:
        SpecError: the spec, a choice of it, or the data is wrong, or the study searches something else.
        ModuleNotFoundError: Optuna is not installed.

    Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (2011); Akiba et al., "Optuna" (2019).

    >>> import numpy as np, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "waves.npy")
    >>> np.save(path, np.sin(np.arange(200.0) / 3)[:, None])
    >>> spec = "search CELL in [gru, simple_rnn], UNITS in [2..4]\nin(6,1) -> CELL(UNITS) -> dense(1)"
    >>> study = search(spec, path, trials=2, epochs=1, sampler="random")
    >>> len(study.trials), sorted(study.best_params)
    (2, ['CELL', 'UNITS'])
    """
    from seqtopo.system.packages import require

    require("optuna", "search", "seqtopo.search")
    from seqtopo.searching.running import run_search
    from seqtopo.searching.setting_up import Options

    options = Options(
        data,
        series,
        pad,
        list(target) if target is not None else None,
        steps,
        horizon,
        stride,
        scale,
        same,
        batch,
        validation,
        seed,
        epochs,
        trials,
        folds,
        sampler,
        prune,
        max_params,
        min_steps,
        widen,
        backend,
        not kernels,
    )
    return run_search(analyse(spec, dims), options, dims, storage, study)


def spec_of_trial(trial: optuna.Trial | optuna.trial.FrozenTrial, spec: Text, **dims: Any) -> str:
    r"""Return the spec of a trial: ``let`` in place of ``search``, for an objective of one's own.

    Args:
        trial: a trial that runs, which is asked for each name that its point uses; or one that has ended.
        spec: the spec with ``search`` lines: the text, or a ``pathlib.Path`` of it.
        dims: values of names; what is bound is not asked for.

    Raises:
        SpecError: the spec is wrong, or the trial is one of another space.
        ModuleNotFoundError: Optuna is not installed.

    >>> import optuna
    >>> spec = "search CELL in [lstm, gru], UNITS in [4..8]\nin(9,2) -> CELL(UNITS) -> dense(1)"
    >>> trial = optuna.trial.FixedTrial({"CELL": "gru", "UNITS": 6})
    >>> print(spec_of_trial(trial, spec), end="")
    let CELL = gru, UNITS = 6
    in(9,2) -> CELL(UNITS) -> dense(1)
    """
    from seqtopo.system.packages import require

    require("optuna", "search", "seqtopo.spec_of_trial")
    from seqtopo.searching.running import points_of
    from seqtopo.searching.running import spec_of_trial as spec_of

    return spec_of(trial, points_of(analyse(spec, dims), dims))


def hypermodel(spec: Text, *, backend: str | None = None, **dims: Any) -> SpecHyperModel:
    r"""Return the space of a spec as a hypermodel for KerasTuner, ``keras_tuner.RandomSearch(model, ...)``.

    Args:
        spec: the spec with ``search`` lines: the text, or a ``pathlib.Path`` of it.
        backend: as in ``compile``.
        dims: values of names; what is bound is not searched.

    Raises:
        SpecError: the spec is wrong.
        ModuleNotFoundError: Optuna is not installed.

    >>> model = hypermodel("search UNITS in [4..8]\nin(9,2) -> lstm(UNITS) -> dense(1)")
    >>> model.tunable
    True
    """
    from seqtopo.system.packages import require

    require("optuna", "search", "seqtopo.hypermodel")
    from seqtopo.searching.points import SpecHyperModel
    from seqtopo.searching.running import points_of

    return SpecHyperModel(points_of(analyse(spec, dims), dims), dims, backend)


def predictor(model: keras.Model) -> Predictor:
    """Compile a model to a function with the results of ``model.predict``, without its overhead.

    It is meant for predictions of one sequence at a time, or a small batch. The first call with a new shape
    compiles the model for that shape; later calls take only the backend's own time.

    Args:
        model: any functional or Sequential Keras model: from seqtopo, loaded, or written by hand.

    Returns:
        A function ``answer``. ``answer(x)`` takes one batch, ``(batch, T, F)``; for several inputs a list,
        or a dict by their names. It returns a NumPy array, or a list or dict of them, as ``model.predict``.
        It uses the model's weights and states at the time of the call; stateful layers go on from
        call to call. It may be called from several threads, and from a callback while the model trains. It
        is copied and pickled with its model, and then compiles anew.
        ``answer.warm_up(shape)`` compiles ahead. ``answer.how`` says what runs for each shape, and why, if
        that is only Keras' own call. Compiled programs are kept for 64 shapes.

    Raises:
        ValueError: the model has no graph to read, such as a subclass with a ``call`` of its own; or from
            ``answer``: the arrays are not what the model takes.

    >>> import numpy as np
    >>> model = compile("in(?,8) -> gru(16) -> dense(1)")
    >>> answer = predictor(model)
    >>> answer(np.ones((1, 24, 8))).shape
    (1, 1)
    """
    from seqtopo.runtime.kernels.predictor import Predictor

    return Predictor(model)


def attach(model: keras.Model, *, kernels: bool = True) -> keras.Model:
    """Let a Keras model run fast, and its stateful layers carry their states, equally on every backend.

    ``compile`` and ``compile_all`` do it for what they build; this is for a model that was loaded,
    cloned, unpickled or written by hand. Its layers compute the same on the fastest kernels there are for
    them (``seqtopo.kernels`` lists these). States last from batch to batch; with Keras alone they are
    silently lost on JAX, and training is an error on PyTorch. The layers stay Keras' own, and the saved file
    is the same.

    Args:
        model: any Keras model, compiled or not, run before or not. What is ``stateful`` in it may be
            ``LSTM``, ``GRU``, ``SimpleRNN``, ``ConvLSTM``, ``RNN`` of any cells, or ``Bidirectional`` of
            them, also inside other models. It takes ``(batch, T, F)`` with a fixed batch.
        kernels: True runs the layers on kernels. False removes kernels that they have already, so that each
            layer computes as in Keras.

    Returns:
        The same model. Its states last through ``fit``, ``evaluate``, ``predict``, ``train_on_batch`` and
        a plain call. With stateful layers it has a method ``reset_states()``; and ``fit``, ``evaluate``
        and ``predict`` take arrays in the model's batches, in order, where ``batch_size`` and ``shuffle``
        are not given, and raise a ``ValueError`` where the rows are not whole batches.

    Stock Keras does not track states among ``Layer.variables``, as it tracks those of random generators; see
    ``keras.layers.RNN._create_state_variables``.

    >>> import keras, seqtopo
    >>> built = seqtopo.compile("in(3,1,batch=2) -> gru(4,stateful)")
    >>> model = attach(keras.models.clone_model(built))
    >>> len(model.weights), len(model.variables)
    (3, 5)
    """
    from seqtopo.emit.backend import choose

    choose()
    from seqtopo.runtime.kernels.attaching import make_ready

    return make_ready(model, kernels=kernels)


def distribute(model: keras.Model | None = None, *, device: str | None = None) -> keras.Model | None:
    r"""Let ``fit`` of a Keras model train in several processes, with the results of one.

    Each process runs the same script: ``torchrun --nproc-per-node 2 train.py``, ``srun python train.py``, or
    Ray's ``TorchTrainer``, which set the environment that says which process this is. Every process gives
    ``fit`` the same data; of each batch it computes its own share of the rows, and the gradients are added
    up. So ``batch_size`` is the size of the whole batch, as in one process. In a single process this does
    nothing.

    Args:
        model: a compiled and built model, also one that seqtopo did not make. Without a model, the processes
            only connect; a script on JAX or TensorFlow must do so before it computes anything.
        device: ``"cpu"``, ``"gpu"`` or ``"gpu:1"``: the device to train on. It is an error if the backend
            cannot use it.

    Returns:
        The same model, whose ``fit`` raises ``DistributionError`` where the processes read different data, or
        no longer have the same weights. ``evaluate``, ``predict`` and ``save`` are those of one process.

    Raises:
        DistributionError: the processes do not meet, or this model cannot be trained so: it is stateful, or
            has a loss or a metric that cannot be added up.

    Adding up the gradients of equal shares is Li et al., "PyTorch Distributed: Experiences on Accelerating
    Data Parallel Training", VLDB 2020.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(10,3) -> lstm(8) -> dense(1)\ntrain adam, loss=mse")
    >>> seqtopo.distribute(model) is model
    True
    """
    from seqtopo.emit.backend import choose

    choose()
    from seqtopo.distributing.fitting import put_into

    return put_into(model, device)


def get_states(model: keras.Model) -> list[np.ndarray]:
    """Return the states of a model's stateful layers, which no saved file holds.

    Returns:
        A copy of each state as a NumPy array, layer by layer in the model's order: one of shape
        ``(batch, units)`` for a GRU or a SimpleRNN, ``h`` and ``c`` for an LSTM, forward before backward.

    Raises:
        ValueError: the model has no stateful layer.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(3,1,batch=2) -> lstm(4,stateful)")
    >>> [state.shape for state in get_states(model)]
    [(2, 4), (2, 4)]
    """
    from seqtopo.runtime.states import tracking

    return tracking.get_states(model)


def set_states(model: keras.Model, values: Sequence[Any]) -> None:
    """Set the states of a model's stateful layers.

    Args:
        model: a model with stateful layers.
        values: the arrays, in the order and shapes of ``get_states``.

    Raises:
        ValueError: the model has no stateful layer, or the shapes are not those of its states.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(3,1,batch=2) -> lstm(4,stateful)")
    >>> set_states(model, [[[1.0] * 4] * 2, [[0.5] * 4] * 2])
    >>> float(get_states(model)[1].sum())
    4.0
    """
    from seqtopo.runtime.states import tracking

    tracking.set_states(model, values)


def ResetStates(*, evaluate: bool = False, predict: bool = False) -> keras.callbacks.Callback:  # noqa: N802 - it stands for a class
    """Return a Keras callback that resets the states of every stateful layer at the start of each epoch.

    Each epoch reads the series from its beginning, and so must begin with empty states. A model that
    was not attached (see ``attach``) is attached when it runs with this callback.

    Args:
        evaluate: True resets also at the start of ``evaluate``, and of each validation inside ``fit``.
            Otherwise these go on from the states of the last batch, as is right if their rows follow it.
        predict: True resets also at the start of ``predict``.

    Returns:
        A ``keras.callbacks.Callback``, for ``callbacks=[...]``. With a model that has no stateful layer it
        raises a ``ValueError``.

    Keras' guide to recurrent layers calls ``reset_states`` by hand between epochs.

    >>> import numpy as np, seqtopo
    >>> model = seqtopo.compile("in(3,1,batch=1) -> lstm(4,stateful) -> dense(1)")
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((6, 3, 1)), np.ones((6, 1))
    >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[ResetStates()])
    >>> [len(losses) for losses in history.history.values()]
    [2]
    """
    from seqtopo.runtime.states import tracking

    return tracking.ResetStates(evaluate=evaluate, predict=predict)
