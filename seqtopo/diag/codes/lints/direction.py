"""ST61x: direction and causality."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST611",
        name="one-end-of-bidirectional",
        severity="warning",
        summary="One step is taken of a bidirectional sequence: half of it has read one step there.",
        what=(
            "`bi(lstm(64,seq))` gives at each step what the forward half has read up to it and the "
            "backward half from the end down to it. At the last step the backward half has only begun. "
            "Its summary of all steps stands at the first."
        ),
        why=(
            "It builds and trains, and half of the units carry next to nothing. `bi(lstm(64))` without "
            "`seq` joins the states in which both halves have read everything. Taking both ends, or a "
            "half of the features, is left alone."
        ),
        example="in(28,28) -> bi(lstm(128,seq)) -> at(-1) -> dense(10,softmax)",
        instead="in(28,28) -> bi(lstm(128)) -> dense(10,softmax)",
    ),
    Code(
        code="ST612",
        name="least-read-step",
        severity="warning",
        summary="The step is taken at which a recurrent layer has read one step only.",
        what=(
            "A recurrent layer knows most at the step that it reads last. With `seq` that is the last "
            "step of what it gives, with `back` too, since it gives its steps in the order in which it "
            "read them. The first one comes of one step alone."
        ),
        why=(
            "The first place is the summary in models of attention, whose steps see each other, and in "
            "what `back -> flip` gives. For a recurrent layer it leaves out all but one step, and the "
            "model trains as if the sequence had that one."
        ),
        example="in(24,3) -> lstm(32,seq) -> at(0) -> dense(1)",
        instead="in(24,3) -> lstm(32,seq) -> at(-1) -> dense(1)",
    ),
    Code(
        code="ST613",
        name="orders-merged",
        severity="warning",
        summary="Steps that stand last first are merged with the same steps in their order.",
        what=(
            "A layer with `back` reads from the end and gives its steps in that order: its first output "
            "belongs to the last step. Merged with a forward sequence as it is, step 1 meets step T."
        ),
        why=(
            "The shapes fit and nothing is said. Keras turns the steps back inside `bi(...)`, but not "
            "behind a lone layer: there `flip` has to."
        ),
        example="in(T,8) -> [lstm(16,seq), lstm(16,seq,back)] -> concat -> dense(1)",
        instead="in(T,8) -> [lstm(16,seq), lstm(16,seq,back) -> flip] -> concat -> dense(1)",
    ),
    Code(
        code="ST614",
        name="reversed-output",
        severity="info",
        summary="The model gives its steps last first, because a layer goes backwards.",
        what=(
            "`back` reads the sequence from its end and gives the steps in the order in which it read "
            "them. Nothing turns them back before the output, so the first step of the output belongs to "
            "the last of the input."
        ),
        why=(
            "Labels in their usual order then meet the wrong steps, without a word from Keras. Where the "
            "labels are reversed too, as for some autoencoders, all is well."
        ),
        example="in(T,8) -> lstm(16,seq,back) -> dense(1)",
        instead="in(T,8) -> lstm(16,seq,back) -> flip -> dense(1)",
    ),
    Code(
        code="ST615",
        name="sees-the-future",
        severity="warning",
        summary="A layer reads later steps, in what looks like a model of the next step.",
        what=(
            "At every step the model gives a distribution over the same ids that come in, or it decodes "
            "from the state of another sequence. A step of it sees those after it: by attention or a "
            "convolution that is not `causal`, by `bi` or by `back`."
        ),
        why=(
            "Trained on the next id, such a model copies it from its own input. The loss falls to "
            "nothing, and what it generates is noise. A model that tags, or that fills in hidden ids, may "
            "look both ways: ignore the rule there."
        ),
        example="in(?,int) -> embed(100,32) -> pos(sin) -> [id, mha(2,16)] -> add -> dense(100,softmax)",
        instead="in(?,int) -> embed(100,32) -> pos(sin) -> [id, mha(2,16,causal)] -> add -> dense(100)",
    ),
    Code(
        code="ST616",
        name="taps-see-padding",
        severity="info",
        summary="Taps of a convolution lie further apart than the sequence is long: they see only padding.",
        what=(
            "With `causal` or `same` a convolution is given zeros in front of the sequence, or at both "
            "ends. A tap that is further away than the sequence is long sees nothing else, at any step."
        ),
        why=(
            "Its weights are multiplied by zeros and never learn anything, so the layer has the receptive "
            "field of a smaller one. Stacks that double their dilation with each layer end so where the "
            "samples are shorter than what they were made for."
        ),
        example="in(8,1) -> conv1d(8,2,causal,dilation_rate=8)",
        instead="in(8,1) -> conv1d(8,2,causal,dilation_rate=4)",
    ),
    Code(
        code="ST617",
        name="answer-sees-few",
        severity="info",
        summary="One answer is given for a sequence, and convolutions let it see half of the steps at most.",
        what=(
            "What is left of the sequence at the end is one step of a stack of convolutions, and its "
            "receptive field is half of the declared steps or less. The steps before it never count."
        ),
        why=(
            "A convolution reaches as far as its kernel, times its dilation; a stack of them as far as all "
            "of these together. Without pooling, dilation or a recurrent layer that is not far, and what "
            "comes in beside it is loaded and thrown away."
        ),
        example="in(100,1) -> conv1d(8,3,causal) -> at(-1) -> dense(1)",
        instead="in(100,1) -> conv1d(8,3,causal) -> gru(8) -> dense(1)",
    ),
    Code(
        code="ST619",
        name="query-and-value-swapped",
        severity="warning",
        summary="The query and the value of an attention seem to be swapped: what was read asks.",
        what=(
            "Attention gives one row for each step of its query, the first of its list. Here the query "
            "is what an encoder read, and the value is a decoder: it starts from the encoder's state, "
            "or sees its own past alone by causal attention."
        ),
        why=(
            "The decoder is to ask which steps of the source matter for the word that it writes. The "
            "other way round the output has a row for each step of the source, and where both are "
            "equally long nothing is said."
        ),
        example="enc = in(9,4) -> lstm(8,seq)\ndec = in(9,4) -> lstm(8,seq,init=enc.state)\n\n"
        "[enc, dec] -> attention -> dense(5,softmax)",
        instead="enc = in(9,4) -> lstm(8,seq)\ndec = in(9,4) -> lstm(8,seq,init=enc.state)\n\n"
        "[dec, enc] -> attention -> dense(5,softmax)",
    ),
)
