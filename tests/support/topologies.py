"""The topologies that every backend must build, train and run: those of the literature, then mixtures.

Small sizes are bound to the symbols, so that all of them run in seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Topology:
    """A spec with numbers for its symbols, its kind, and each output's shape (None: any size will do)."""

    name: str
    spec: str
    kind: str
    outputs: tuple[tuple[int | None, ...], ...]
    dims: Mapping[str, int] = field(default_factory=dict)

    @property
    def stateful(self) -> bool:
        """True if it keeps states from batch to batch."""
        return "stateful" in self.spec.replace("stateful=false", "")

    @property
    def trained(self) -> bool:
        """True if the spec has a ``train`` line."""
        return "\ntrain " in self.spec


ONE_TO_ONE, ONE_TO_MANY = "one-to-one", "one-to-many"
MANY_TO_ONE, MANY_TO_MANY, DELAYED = "many-to-one", "many-to-many", "many-to-many, delayed"

LITERATURE = (
    Topology("same_length", "in(2,3) -> lstm(4,seq)", MANY_TO_MANY, ((2, 4),)),
    Topology("last_step", "in(2,3) -> lstm(4)", MANY_TO_ONE, ((4,),)),
    Topology("look_back_stateful", "in(3,1,batch=1) -> lstm(4,stateful) -> dense(1)", MANY_TO_ONE, ((1,),)),
    Topology(
        "characters",
        "in(?,V) -> lstm(128,seq) * 2 -> td(dense(V)) -> softmax",
        MANY_TO_MANY,
        ((None, 7),),
        {"V": 7},
    ),
    Topology("many_to_many", "in(5,2) -> lstm(U,seq)", MANY_TO_MANY, ((5, 4),), {"U": 4}),
    Topology("many_to_one", "in(5,2) -> lstm(U)", MANY_TO_ONE, ((4,),), {"U": 4}),
    Topology(
        "one_to_many_by_repeating",
        "in(F) -> repeat(S) -> lstm(U,seq)",
        ONE_TO_MANY,
        ((3, 4),),
        {"F": 2, "S": 3, "U": 4},
    ),
    Topology(
        "one_to_many_by_feeding_back",
        "in(?,F,batch=B) -> lstm(F,seq,stateful)",
        MANY_TO_MANY,
        ((None, 3),),
        {"F": 3, "B": 2},
    ),
    Topology(
        "autoencoder",
        "let T = 4, F = 3\n"
        "encoder = in(T,F) -> lstm(8,seq) -> lstm(4)\n"
        "decoder = in(4) -> repeat(T) -> lstm(8,seq) -> td(dense(F))\n"
        "autoencoder = encoder -> decoder",
        DELAYED,
        ((4, 3),),
    ),
    Topology(
        "two_grus",
        "in(T,int) -> embed(V,E) -> gru(512,seq) -> gru(128,seq) -> td(dense(V)) -> td(softmax)",
        MANY_TO_MANY,
        ((6, 11),),
        {"T": 6, "V": 11, "E": 5},
    ),
    Topology("one_to_one", "in(F) -> dense(N)", ONE_TO_ONE, ((3,),), {"F": 4, "N": 3}),
    Topology(
        "one_to_many_from_a_vector",
        "in(D) -> repeat(N) -> lstm(O,seq)",
        ONE_TO_MANY,
        ((5, 3),),
        {"D": 4, "N": 5, "O": 3},
    ),
    Topology(
        "last_steps",
        "in(T,D) -> lstm(1,seq) -> last(N)",
        MANY_TO_MANY,
        ((2, 1),),
        {"T": 6, "D": 3, "N": 2},
    ),
    Topology(
        "shifted",
        "in(T,D) -> pad(0,N) -> lstm(1,seq) -> last(N)",
        DELAYED,
        ((2, 1),),
        {"T": 4, "D": 3, "N": 2},
    ),
    Topology(
        "other_length_plain",
        "in(I,F) -> lstm(B) -> dense(O)",
        MANY_TO_ONE,
        ((3,),),
        {"I": 5, "F": 2, "B": 6, "O": 3},
    ),
    Topology(
        "other_length",
        "in(I,F) -> lstm(B) -> repeat(O) -> lstm(B,seq) -> td(dense(1)) -> act(linear)",
        DELAYED,
        ((3, 1),),
        {"I": 5, "F": 2, "B": 6, "O": 3},
    ),
    Topology("plain_rnn", "in(?,1) -> simple_rnn(1)", MANY_TO_ONE, ((1,),)),
    Topology(
        "plain_rnn_every_argument",
        "in(?,1) -> simple_rnn(1, activation=tanh, use_bias=true, kernel_initializer=glorot_uniform,\n"
        "    recurrent_initializer=orthogonal, bias_initializer=zeros, kernel_regularizer=l2(1e-3),\n"
        "    recurrent_regularizer=l1(1e-3), bias_regularizer=l1_l2(1e-3,1e-3),\n"
        "    activity_regularizer=l2(1e-3), kernel_constraint=max_norm(2), recurrent_constraint=unit_norm,\n"
        "    bias_constraint=non_neg, dropout=0.1, recurrent_dropout=0.1, return_sequences=true,\n"
        "    go_backwards=true, stateful=false, unroll=false, seed=7)",
        MANY_TO_MANY,
        ((None, 1),),
    ),
    Topology(
        "deep_rnn",
        "in(?,1) -> simple_rnn(20,seq) * 2 -> simple_rnn(20) -> dense(1)",
        MANY_TO_ONE,
        ((1,),),
    ),
    Topology("temperatures", "in(29,1) -> simple_rnn(20) -> dense(1)", MANY_TO_ONE, ((1,),)),
)
"""Topologies of introductions to sequence models, under the names they have there."""

MIXTURES = (
    Topology(
        "translation_by_attention",
        "encoder = in(S,int) -> embed(20,8,mask) -> bi(lstm(6,seq))\n"
        "decoder = in(T,int) -> embed(20,8,mask) -> lstm(12,seq,init=encoder.state)\n"
        "[decoder, [decoder, encoder] -> attention as attended] -> concat -> td(dense(20,softmax))\n"
        "train adam(1e-2), loss=sparse_categorical_crossentropy, metrics=[accuracy], labels=(T,int(20))",
        DELAYED,
        ((None, 20),),
    ),
    Topology(
        "one_step_with_its_states",
        "h = in(5)\nc = in(5)\nin(T,3) -> lstm(5,seq,init=[h, c]) as cell -> dense(2) as y\n[y, cell.state]",
        DELAYED,
        ((None, 2), (5,), (5,)),
    ),
    Topology(
        "bidirectional_handed_over",
        "encoder = in(S,4) -> bi(gru(3,seq)) as top -> gru(5)\nin(T,4) -> bi(gru(3,seq),init=top.state) -> dense(2)",
        DELAYED,
        ((None, 2),),
    ),
    Topology(
        "siamese",
        "tower = embed(20,6) -> lstm(5)\n[in(T,int) as left -> tower, in(S,int) as right -> tower] -> dot(1,normalize)\n"
        "train sgd(0.1), loss=mae, metrics=[mse]",
        MANY_TO_ONE,
        ((1,),),
    ),
    Topology(
        "frames",
        "frame = conv2d(3,3,relu) -> maxpool2d(2) -> flatten\nin(T,8,8,1) -> td(frame) -> lstm(5) -> dense(2)",
        MANY_TO_ONE,
        ((2,),),
    ),
    Topology(
        "words_in_sentences",
        "sentence = in(W,int) -> embed(20,6,mask) -> bi(lstm(3))\nin(4,W,int) -> td(sentence) -> gru(5) -> dense(1,sigmoid)",
        MANY_TO_ONE,
        ((1,),),
        {"W": 5},
    ),
    Topology(
        "small_gpt",
        "in(8,int) -> embed(20,8) -> pos\n"
        "-> (res(norm -> mha(2,4,causal)) -> res(norm -> dense(16,gelu) -> dense(8))) * 2 -> norm -> dense(20)\n"
        "train adamw(1e-3), loss=sparse_categorical_crossentropy(from_logits=true), metrics=[accuracy]",
        MANY_TO_MANY,
        ((8, 20),),
    ),
    Topology(
        "encoder_of_any_length",
        "in(T,int) -> embed(20,8,mask) -> pos(sin) -> res(mha(2,4)) -> norm -> mean(time) -> dense(3,softmax)",
        MANY_TO_ONE,
        ((3,),),
    ),
    Topology(
        "scores_as_an_output",
        "query = in(T,6)\nvalue = in(S,6)\n[query, value] -> mha(2,3) as mixed -> norm as context\n[context, mixed.scores]",
        MANY_TO_MANY,
        ((None, 6), (2, None, None)),
    ),
    Topology(
        "causal_convolutions",
        "in(T,2) -> conv1d(4,1) -> ([id, conv1d(4,2,causal,dilation_rate=D) -> tanh as skips] -> add) for D in [1, 2, 4]\n"
        "skips -> add -> relu -> dense(1)\n"
        "train rmsprop, loss=mse, metrics=[mae]",
        MANY_TO_MANY,
        ((None, 1),),
    ),
    Topology(
        "both_directions",
        "in(T,3) -> bi(lstm(4,seq),mul) -> bi(lstm(4,seq),backward=gru(4,seq,back)) -> bi(rnn(3),sum) -> dense(2)",
        MANY_TO_ONE,
        ((2,),),
    ),
    Topology(
        "directions_by_hand",
        "in(T,3) -> [lstm(4,seq), lstm(4,seq,back) -> flip] -> concat -> td(dense(2))",
        MANY_TO_MANY,
        ((None, 2),),
    ),
    Topology(
        "two_outputs",
        "words = in(T,int(20)) -> embed(20,6)\n"
        "[words -> lstm(4) -> dense(1,sigmoid) as good, words -> gru(4) -> dense(3,softmax) as topic]\n"
        "train nadam, loss=[binary_crossentropy, sparse_categorical_crossentropy], loss_weights=[1, 0.5],\n"
        "    metrics=[[accuracy], [accuracy]], labels=[(1), (int(3))]",
        MANY_TO_ONE,
        ((1,), (3,)),
    ),
    Topology(
        "composite",
        "code = in(T,2) -> lstm(5)\ndef decoder(N) = repeat(N) -> lstm(5,seq) -> td(dense(2))\n"
        "[code -> decoder(T) as again, code -> decoder(T-1) as ahead]",
        DELAYED,
        ((4, 2), (3, 2)),
        {"T": 4},
    ),
    Topology(
        "repeated_as_often_as_came_in",
        "in(T,3) -> gru(4) -> repeat(T) -> gru(4,seq) -> td(dense(3))\n"
        "train sgd(0.1,momentum=0.9), loss=huber, metrics=[mae, cosine_similarity]",
        DELAYED,
        ((None, 3),),
    ),
    Topology(
        "mask_from_outside",
        "padding = in(T,bool)\nin(T,3) -> gru(4,seq,mask=padding) -> lstm(4,mask=padding) -> dense(1)",
        MANY_TO_ONE,
        ((1,),),
    ),
    Topology(
        "missing_steps",
        "in(T,3) -> mask -> lstm(4,seq) -> [id, dense(1,nobias) -> softmax(time)] -> mul -> sum(time) -> dense(2)",
        MANY_TO_ONE,
        ((2,),),
    ),
    Topology(
        "tied_vocabulary",
        "token = reversible_embedding(20,8)\nin(T,int) -> token -> lstm(8,seq) -> token(reverse) -> softmax",
        MANY_TO_MANY,
        ((None, 20),),
    ),
    Topology(
        "moving_pictures",
        "in(4,6,6,1) -> convlstm2d(3,3,same,seq) -> batchnorm -> convlstm2d(2,3,same) -> flatten -> dense(1)",
        MANY_TO_ONE,
        ((1,),),
    ),
    Topology(
        "squeeze_and_excite",
        "def excite() = [id, gavgpool1d -> reshape(1,_) -> dense(_//2,relu) -> dense(_*2,sigmoid)] -> mul\n"
        "in(12,4) -> conv1d(8,3,same) -> batchnorm -> relu -> excite() -> maxpool1d(2) -> upsample1d(2)\n"
        "-> conv1d_transpose(4,3,same) -> prelu(shared_axes=(1))",
        MANY_TO_MANY,
        ((12, 4),),
    ),
    Topology(
        "everything_regularized",
        "in(T,3) -> norm -> lstm(4,seq,dropout=0.2,recurrent_dropout=0.2,kernel_regularizer=l2(1e-4))\n"
        "-> spatial_dropout1d(0.1) -> group_query_attention(2,2,1) -> alpha_dropout(0.1) -> dense(2,bias_constraint=max_norm(3))",
        MANY_TO_MANY,
        ((None, 2),),
    ),
    Topology(
        "remembered_from_batch_to_batch",
        "in(5,int,batch=2) -> embed(20,6) -> gru(4,seq,stateful) -> gru(4,stateful) -> dense(1)",
        MANY_TO_ONE,
        ((1,),),
    ),
    Topology(
        "states_of_every_level",
        "encoder = in(S,3) -> gru(4,seq) as low -> gru(4,seq) as high\n"
        "in(T,3) -> gru(4,seq,init=low.state) -> gru(4,seq,init=high.state) -> td(dense(3))\n"
        "train adam, loss=mse, metrics=[mae], labels=(T,3)",
        DELAYED,
        ((None, 3),),
    ),
    Topology(
        "additive_attention_by_hand",
        "state = in(4)\nheard = in(S,6)\n"
        "share = [state -> expand(1) -> dense(5), heard -> dense(5)] -> add -> tanh -> dense(1) -> softmax(time)\n"
        "[share, heard] -> mul -> sum(time)",
        MANY_TO_ONE,
        ((6,),),
    ),
)
"""Topologies that a Keras user would build: states, attention, positions, wrappers, sharing, training."""

TOPOLOGIES = (*LITERATURE, *MIXTURES)

LENGTHS = (6, 5)
"""The lengths for open sizes: that of the first input, and that of every other one."""


def generator(name: str) -> Any:
    """Random numbers that are the same on every backend."""
    import numpy as np

    return np.random.default_rng(zlib.crc32(name.encode()))


def data(topology: Topology, model: Any) -> list[Any]:
    """One array for each input of the built model: two samples, or the fixed batch."""
    numbers = generator(topology.name)
    found: list[Any] = []
    symbols = [name for name in "TS" if f"in({name}," in topology.spec]
    for i, tensor in enumerate(model.inputs):
        batch = tensor.shape[0] or 2
        length = LENGTHS[min(i, 1)] if len(symbols) > 1 else LENGTHS[0]
        shape = (batch, *(length if size is None else size for size in tensor.shape[1:]))
        dtype = str(tensor.dtype)
        if "bool" in dtype:
            array = numbers.random(shape) < 0.7
            array[:, 0] = True
        elif "int" in dtype:
            array = numbers.integers(0, 20 if topology.dims.get("V") is None else 7, shape).astype("int32")
            array[:, 0] = 1
        else:
            array = numbers.normal(size=shape).astype("float32")
        found.append(array)
    return found


def labels(topology: Topology, outputs: list[Any]) -> list[Any]:
    """One array of labels for each output: class ids where the loss takes them, else numbers."""
    numbers = generator(topology.name)
    found: list[Any] = []
    for i, output in enumerate(outputs):
        sparse = "sparse" in topology.spec and not (topology.name == "two_outputs" and i == 0)
        if sparse:
            found.append(numbers.integers(0, output.shape[-1], output.shape[:-1]).astype("int32"))
        else:
            found.append(numbers.random(output.shape).astype("float32"))
    return found


def set_weights(topology: Topology, model: Any) -> None:
    """Set every weight to a number drawn for it, the same on every backend."""
    numbers = generator(topology.name)
    for weight in model.weights:
        drawn = numbers.normal(scale=0.3, size=weight.shape).astype("float32")
        weight.assign(abs(drawn) + 0.5 if weight.name == "moving_variance" else drawn)


def several(values: Any) -> list[Any]:
    """Return one output or several as a list."""
    return list(values) if isinstance(values, (list, tuple)) else [values]


def one_or_list(values: list[Any]) -> Any:
    """Return inputs as Keras takes them: one input as it is, several as a list."""
    return values if len(values) > 1 else values[0]
