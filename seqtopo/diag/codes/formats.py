"""ST55x: a topology that another program wrote cannot be said as a spec."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

REASON = "It is about a VGSL string, not about a spec."

ROWS = (
    Code(
        code="ST551",
        name="vgsl-unread",
        summary="A VGSL string has a word or a bracket that cannot be read.",
        what=(
            "A VGSL string is a list in square brackets: the input, then one word a layer, such as "
            "`Cr3,3,32` or `Lbx200`. This word is none in the dialect that the string is read in, or "
            "a bracket is not closed. `seqtopo convert --help` lists the words of each dialect."
        ),
        why=(
            "The whole text has to be read, or the model would be another than was meant. kraken, for "
            "one, takes `Lbx200hello` for `Lbx200`, and a slip of the pen goes unnoticed."
        ),
        reason=REASON,
    ),
    Code(
        code="ST552",
        name="vgsl-unsaid",
        summary="A word of VGSL has no counterpart in a spec.",
        what=(
            "The word is known, but what it makes cannot be said in a spec. So it is with an LSTM "
            "that has a softmax inside (`LS64`), and with a network that is run several times over "
            "(`R2`). Write that part in Python, on top of what the spec builds."
        ),
        why=(
            "A conversion that leaves something out gives a model with other parameters. It would "
            "load no weights, and nobody would know why."
        ),
        reason=REASON,
    ),
    Code(
        code="ST553",
        name="vgsl-unfit",
        summary="A word of VGSL does not fit what comes before it.",
        what=(
            "Each word takes an image, a line of steps or one vector. Here something else has been "
            "made by the words before: a layer runs along the height, say, where the height has ended "
            "already. The message names the word and what is there."
        ),
        why=(
            "The other programs keep four axes all the way, some of them of size 1. A spec keeps only "
            "what is there, so a layer along an axis of size 1 is most likely a slip."
        ),
        reason=REASON,
    ),
    Code(
        code="ST554",
        name="vgsl-input",
        summary="A VGSL string does not begin with its input.",
        what=(
            "The first word is `batch,height,width,channels`, as in `1,36,0,1`. A 0 stands for any "
            "size, and the channels must be known. VGSLify writes `None` for any size, and may leave "
            "out the height."
        ),
        why=(
            "The number of weights follows from the channels, and from the height where it goes into "
            "them. Without the input there is nothing to build on."
        ),
        reason=REASON,
    ),
)
