"""ST65x: cost and kernels."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (
    Code(
        code="ST651",
        name="slow-kernel",
        severity="info",
        summary="An argument keeps a recurrent layer from the fast kernels of a GPU.",
        what=(
            "On a GPU, Keras runs an LSTM or GRU in one cuDNN call where it can: with tanh and sigmoid, a "
            "bias, no `unroll` and no `recurrent_dropout`, and for a GRU with `reset_after`. TensorFlow and "
            "PyTorch do so for both layers, JAX for the LSTM. Anything else is computed step by step."
        ),
        why=(
            "The model gives what was meant, only later: several times as slow, and up to 25 times as "
            "people report it. On a CPU it makes a difference on PyTorch alone, whose native layers seqtopo "
            "calls; and sometimes the argument is worth it. `dropout` drops from the inputs alone, and "
            "keeps the kernels."
        ),
        example="in(T,8) -> lstm(128,recurrent_dropout=0.1) -> dense(1)",
        instead="in(T,8) -> lstm(128,dropout=0.1) -> dense(1)",
    ),
    Code(
        code="ST652",
        name="kernel-lost-to-a-mask",
        severity="info",
        on=False,
        summary="A mask keeps a recurrent layer from the fast kernels on PyTorch and JAX.",
        what=(
            "Keras hands masks to cuDNN on TensorFlow alone, and there only where the padding stands behind "
            "the words. On PyTorch and JAX it computes a masked layer step by step. (The kernels of "
            "`seqtopo.compile` on PyTorch take any mask; a saved model loaded in plain Keras has none.)"
        ),
        why=(
            "The mask is right, and mostly worth its price. Where speed matters more, batches of sequences "
            "of one length need none."
        ),
        example="in(T,int) -> embed(5000,64,mask) -> lstm(32)",
        instead="in(T,int) -> embed(5000,64) -> lstm(32)",
    ),
    Code(
        code="ST653",
        name="attention-memory",
        severity="warning",
        summary="The scores of an attention take more than 1 GiB for each sample.",
        what=(
            "Attention compares every step with every other, once for each head: T x T numbers a head. The "
            "scores of one sample alone pass 1 GiB here, in float32."
        ),
        why=(
            "The memory grows with the square of the steps: twice as long takes four times as much, and "
            "training keeps the scores for the gradients. Such a model builds at once, and fails at the "
            "first batch."
        ),
        example="in(20000,int) -> embed(10000,64) -> pos -> mha(8,16) -> gavgpool1d -> dense(4,softmax)",
        instead="in(512,int) -> embed(10000,64) -> pos -> mha(8,16) -> gavgpool1d -> dense(4,softmax)",
    ),
    Code(
        code="ST654",
        name="large-layer",
        severity="warning",
        summary="One layer has more than 100 million parameters.",
        what=(
            "The weights of one layer, embeddings aside, pass 100 million numbers, 400 MB in float32. Adam "
            "keeps two more for each, and the gradients are as many again."
        ),
        why=(
            "It is a dense layer behind a `flatten` as a rule: each unit gets a weight for every feature of "
            "every step. So many weights learn the training data by heart; a pooling or a recurrent layer "
            "makes a vector of the steps with few."
        ),
        example="in(5000,256) -> flatten -> dense(512,relu) -> dense(1)",
        instead="in(5000,256) -> gavgpool1d -> dense(512,relu) -> dense(1)",
    ),
    Code(
        code="ST655",
        name="many-activations",
        severity="warning",
        summary="What the layers give takes more than 1 GiB for each sample.",
        what=(
            "Training keeps what every layer gave until its gradients are computed. For one sample that "
            "passes 1 GiB here, and a batch takes as many times that as it has samples."
        ),
        why=(
            "Parameters say nothing of it: a convolution has few, and gives long and wide sequences. The "
            "model builds, and fails at the first batch."
        ),
        example="in(1000000,8) -> conv1d(512,3,same) -> gmaxpool1d -> dense(1)",
        instead="in(1000000,8) -> conv1d(512,64,strides=64,same) -> gmaxpool1d -> dense(1)",
    ),
    Code(
        code="ST656",
        name="long-unrolled",
        severity="warning",
        summary="A recurrent layer is unrolled over more than 100 steps.",
        what=(
            "`unroll` writes a recurrent layer out, one copy of its computation for each step, instead of a "
            "loop. Here that makes very many copies."
        ),
        why=(
            "Unrolling can make short sequences faster. Over long ones, building and compiling takes "
            "minutes, and memory grows with the steps; on a GPU the fast kernels are lost as well."
        ),
        example="in(1000,8) -> lstm(32,unroll) -> dense(1)",
        instead="in(1000,8) -> lstm(32) -> dense(1)",
    ),
    Code(
        code="ST657",
        name="linear-chain",
        severity="info",
        on=False,
        summary="Two dense layers follow each other with no activation between.",
        what=(
            "A dense layer without an activation is linear, and two linear layers in a row are one: what "
            "both can learn together, the second could learn alone. Where the first is narrower than what "
            "comes in, it sums up, and nothing is said."
        ),
        why=(
            "The first layer costs weights and time and adds nothing. Often `relu` was forgotten in it. Some "
            "do it on purpose, since it changes how the layers learn, so that this is off unless asked for."
        ),
        example="in(24) -> dense(64) -> dense(32,relu) -> dense(1)",
        instead="in(24) -> dense(64,relu) -> dense(32,relu) -> dense(1)",
    ),
    Code(
        code="ST658",
        name="channels-first",
        severity="info",
        summary="A convolution takes the channels first, which TensorFlow does not do on every CPU.",
        what=(
            "With `channels_first` the features, or channels, are the first axis and the steps or places "
            "follow. TensorFlow has such convolutions for GPUs, and for CPUs through oneDNN alone, a library "
            "that it switches on by itself on newer CPUs only. `TF_ENABLE_ONEDNN_OPTS=1` in the environment "
            "switches it on, for `float32`."
        ),
        why=(
            "A model that was trained on a GPU then fails where it is used. PyTorch and JAX run it anywhere. "
            "With a `permute` before it and the usual layout it runs everywhere, with the same numbers."
        ),
        example="in(3,10) -> conv1d(8,3,channels_first)",
        instead="in(3,10) -> permute(2,1) -> conv1d(8,3) -> permute(2,1)",
    ),
    Code(
        code="ST659",
        name="needs-onednn",
        severity="info",
        summary="TensorFlow does not compute a convolution with these arguments on every CPU.",
        what=(
            "TensorFlow's own kernels for CPUs lack some convolutions: strides that differ between rows and "
            "columns in `depthwise_conv2d` and `separable_conv2d`, and a `dilation_rate` above 1 in "
            "transposed convolutions. oneDNN, a library inside of TensorFlow, has them for `float32`. "
            "TensorFlow switches it on by itself on newer CPUs only, those with AVX-512."
        ),
        why=(
            "The model is built everywhere, and fails on such a CPU when it is first called or trained. "
            "`TF_ENABLE_ONEDNN_OPTS=1` in the environment, set before TensorFlow starts, switches oneDNN on. "
            "PyTorch and JAX run such a model anywhere, and so does TensorFlow on a GPU."
        ),
        example="in(9,8,3) -> depthwise_conv2d(3,(1,2))",
        instead="in(9,8,3) -> depthwise_conv2d(3,2)",
    ),
)
