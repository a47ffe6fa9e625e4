"""Feeding a model's outputs back into it: ``seqtopo.rollout`` and ``seqtopo.generate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import numpy as np


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
    """Goes on from a history: feeds each output back in as the next input, in one compiled loop.

    Args:
        model_or_spec: a model from seqtopo, or any functional or Sequential Keras model; or a spec, which is
            compiled with fresh weights.
        history: what came before: (batch, T, F), ids (batch, T), or without the batch for a single one. For
            several inputs a list, or a dict by their names.
        steps: how many steps to go on for.
        future: what is known ahead, (batch, steps, G): the last G of the model's features, where it takes F+G
            and gives F; or what goes into its second input. Row i belongs to step i of the answer.
        sample: for models that say how likely each token is: ``sampling.greedy`` (ids get it by
            themselves), ``sampling.temperature(0.8)``, ``sampling.top_k(5)``, or any function from logits
            (batch, V) to ids (batch,) of ``keras.ops``. A softmax at the model's end is undone by the
            logarithm. Ids go back into a model of vectors as vectors with a single 1.
        progress: True prints how many steps are done; a function is called with (done, steps).
        seed: what chance starts from; with the same seed every backend draws the same.
        mode: ``"step"`` carries the states and makes one step at a time, of what ``one_step`` derives;
            ``"window"`` slides a window that the model reads anew. By itself: by steps where the length is
            open (``in(?,F)``) or a layer is ``stateful``, or where the history is shorter than a causal
            model of fixed length takes; else a window of the length the model was built for.
        states: how to start before the history: zeros if not told, even for a ``stateful`` model, whose own
            states are neither read nor changed; ``"model"`` for those; or the arrays.

    Returns:
        The answers (batch, steps, F), or ids (batch, steps); without the batch where the history had none. An
        answer is what the model gives for the last step of what it has read.

    Raises:
        ValueError: what is given does not fit the model, or the model cannot be run so; says what to do.
        SpecError: the spec cannot be compiled.

    Feeding back what was predicted is iterated (recursive) multi-step forecasting, Chevillon, "Direct
    multi-step estimation and forecasting" (2007); for text see Graves (2013).

    >>> import numpy as np
    >>> from seqtopo import compile
    >>> model = compile("in(?,2) -> lstm(8,seq) -> dense(2)")
    >>> rollout(model, np.zeros((3, 10, 2)), 5).shape
    (3, 5, 2)
    """
    model = _model(model_or_spec)
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
    """Writes a sequence for each source, with an encoder-decoder that was trained with the answer shown.

    The encoder reads once; then the decoder's one-step twin is fed what it wrote itself. Both are derived
    from the trained model, with its weights.

    Args:
        model: a model of two or more inputs, such as a decoder with ``init=encoder.state`` or with attention
            over the encoder's outputs.
        source: what to read: (batch, T, F) or ids (batch, T); for several inputs a list, or a dict by names.
        start: what the decoder is shown first: an id, or a vector (F,); or one for each row.
        max_steps: how many steps are written.
        future: what is known ahead, (batch, max_steps, G), such as a calendar: the last G features of the
            decoder's input, where it takes F+G and the model gives F; or what goes into an input by steps of
            its own, beside the one that is written. Row i goes in with what was written before step i.
        stop: the id after which a sequence has ended; the rest is filled with it.
        sample: how an id is taken, as in ``rollout``; the likeliest if not told.
        beams: above 1, beam search: so many likeliest sequences side by side.
        length_penalty: beams are ranked by the sum of the logarithms of the probabilities over the length to
            this power: 0 favours short ones, 1 takes the mean (Wu et al., "Google's Neural Machine
            Translation System", 2016, section 7).
        seed: what chance starts from.
        target: the name of the input that is written, where it is not clear.

    Returns:
        Ids (batch, max_steps), or vectors (batch, max_steps, F).

    Raises:
        ValueError: what is given does not fit, or the model cannot be run so; says what to do.

    Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks" (2014).

    >>> import numpy as np
    >>> from seqtopo import compile
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


def _model(model_or_spec: Any) -> Any:
    if isinstance(model_or_spec, (str, Path)):
        from seqtopo.api import compile

        return compile(model_or_spec)
    return model_or_spec
