"""Names from programs for Keras 0.3 to 2 that are no layers: modules, methods, arguments, functions.

The layers and their arguments stand in ``old_spellings``. Each table says what Keras 3 has in place of an
old name; what has no place in Keras 3 stands in ``GONE`` and ``GONE_ARGUMENTS``, with what to write by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

ALIASES = frozenset(
    f"{kind}{axes}D"
    for kind in ("AvgPool", "MaxPool", "GlobalAvgPool", "GlobalMaxPool")
    for axes in (1, 2, 3)
)
"""Short names of pooling layers, which Keras 3 still has."""

PACKAGES: Mapping[str, str] = {
    "tensorflow.python.keras": "tensorflow.keras",
    "tensorflow_core.python.keras": "tensorflow.keras",
    "tensorflow.contrib.keras.python.keras": "tensorflow.keras",
    "tensorflow.contrib.keras.api.keras": "tensorflow.keras",
    "tensorflow.contrib.keras": "tensorflow.keras",
    "keras_core": "keras",
}
"""Packages that were Keras, the longer names first, and those that are it now."""

MODULES: Mapping[str, str] = {
    **{
        f"keras.layers.{name}": "keras.layers"
        for name in (
            *("core", "recurrent", "convolutional", "convolutional_recurrent", "embeddings", "normalization"),
            *("merge", "wrappers", "advanced_activations", "pooling", "noise", "local", "cudnn_recurrent"),
            *("recurrent_v2", "normalization_v2", "experimental.preprocessing", "preprocessing"),
            *("dense_attention", "einsum_dense", "multi_head_attention", "containers", "base_layer"),
            *("normalization.batch_normalization", "normalization.layer_normalization"),
        )
    },
    **{
        f"keras.utils.{name}": "keras.utils"
        for name in (
            *("np_utils", "vis_utils", "visualize_util", "generic_utils", "data_utils", "layer_utils"),
            *("io_utils", "all_utils", "image_utils", "training_utils"),
        )
    },
    "keras.objectives": "keras.losses",
    "keras.initializations": "keras.initializers",
    "keras.layers.containers": "keras.models",
    "keras.engine.topology": "keras.layers",
    "keras.engine.base_layer": "keras.layers",
    "keras.engine.input_layer": "keras.layers",
    "keras.engine.input_spec": "keras.layers",
    "keras.engine.training": "keras.models",
    "keras.engine.network": "keras.models",
    "keras.engine.functional": "keras.models",
    "keras.engine.sequential": "keras.models",
    "keras.engine": "keras.layers",
    "keras.legacy.layers": "keras.layers",
    "keras.preprocessing.sequence": "keras.utils",
    "keras.optimizer_v2.adam": "keras.optimizers",
    "keras.optimizer_v2.gradient_descent": "keras.optimizers",
    "keras.optimizer_v2.rmsprop": "keras.optimizers",
    "keras.optimizers.experimental": "keras.optimizers",
}
"""Modules that Keras 3 does not have, and those that have their names now."""

IN_TENSORFLOW = ("keras.preprocessing.sequence",)
"""Modules that ``tensorflow.keras`` still has."""

HOMES: Mapping[str, tuple[str, str]] = {
    "Model": ("keras.models", "Model"),
    "Sequential": ("keras.models", "Sequential"),
    "Layer": ("keras.layers", "Layer"),
    "InputSpec": ("keras.layers", "InputSpec"),
    "Input": ("keras.layers", "Input"),
    "InputLayer": ("keras.layers", "InputLayer"),
    "to_categorical": ("keras.utils", "to_categorical"),
    "normalize": ("keras.utils", "normalize"),
    "plot_model": ("keras.utils", "plot_model"),
    "model_to_dot": ("keras.utils", "model_to_dot"),
    "Sequence": ("keras.utils", "Sequence"),
    "get_file": ("keras.utils", "get_file"),
    "get_source_inputs": ("keras.utils", "get_source_inputs"),
    "Progbar": ("keras.utils", "Progbar"),
    "CustomObjectScope": ("keras.utils", "CustomObjectScope"),
    "custom_object_scope": ("keras.utils", "custom_object_scope"),
    "get_custom_objects": ("keras.utils", "get_custom_objects"),
    "serialize_keras_object": ("keras.utils", "serialize_keras_object"),
    "deserialize_keras_object": ("keras.utils", "deserialize_keras_object"),
    "pad_sequences": ("keras.utils", "pad_sequences"),
}
"""Names that old modules had, where Keras 3 has them and what it calls them."""

MOVED: Mapping[str, tuple[str, str]] = {
    "keras.utils.visualize_util.plot": ("keras.utils", "plot_model"),
    "keras.utils.vis_utils.plot": ("keras.utils", "plot_model"),
    "keras.layers.Model": ("keras.models", "Model"),
    "keras.layers.Sequential": ("keras.models", "Sequential"),
    "keras.models.Input": ("keras.layers", "Input"),
    "keras.models.Layer": ("keras.layers", "Layer"),
    "keras.utils.print_summary": ("", ""),
    "keras.engine.topology.get_source_inputs": ("keras.utils", "get_source_inputs"),
}
"""Names of one module alone."""

SHORT: Mapping[str, str] = {
    "sgd": "SGD",
    "adam": "Adam",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "adamax": "Adamax",
    "nadam": "Nadam",
}
"""The names in lower case that ``keras.optimizers`` had for its classes."""

LOSSES: Mapping[str, str] = {
    "mse": "mean_squared_error",
    "MSE": "mean_squared_error",
    "mae": "mean_absolute_error",
    "MAE": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "MAPE": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "MSLE": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "KLD": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "logcosh": "log_cosh",
}
"""Functions that ``keras.losses`` had under other names."""

OPTIMIZER_ARGUMENTS: Mapping[str, str] = {"lr": "learning_rate"}
OPTIMIZER_PLACES: Mapping[str, tuple[str, ...]] = {
    "SGD": ("lr", "momentum", "decay", "nesterov"),
    "RMSprop": ("lr", "rho", "epsilon", "decay"),
    "Adagrad": ("lr", "epsilon", "decay"),
    "Adadelta": ("lr", "rho", "epsilon", "decay"),
    "Adam": ("lr", "beta_1", "beta_2", "epsilon", "decay", "amsgrad"),
    "Adamax": ("lr", "beta_1", "beta_2", "epsilon", "decay"),
    "Nadam": ("lr", "beta_1", "beta_2", "epsilon", "schedule_decay"),
}
"""The positional arguments of the optimizers in Keras 1 and 2."""
OPTIMIZER_RATES: Mapping[str, str] = {"SGD": "0.01", "RMSprop": "0.001", "Adam": "0.001"}
"""The learning rates that the optimizers had by default, where Keras 3 has the same."""

MODEL_ARGUMENTS: Mapping[str, str] = {"input": "inputs", "output": "outputs"}
INPUT_ARGUMENTS: Mapping[str, str] = {"input_shape": "shape", "batch_input_shape": "batch_shape",
                                      "input_dtype": "dtype"}  # fmt: skip
"""Arguments of ``Model`` and of ``InputLayer``."""


class Method(NamedTuple):
    """A method of a model that Keras 3 has under another name, or with other arguments.

    ``places`` are the names of the arguments by position in Keras 1 and 2; ``renamed`` the arguments that
    mean the same under another name, ``left_out`` those without which the model computes the same, and
    ``by_hand`` those that count something else, with what to do.
    """

    to: str
    places: tuple[str, ...] = ()
    renamed: Mapping[str, str] = {}
    left_out: tuple[str, ...] = ()
    by_hand: Mapping[str, str] = {}
    distinct: bool = True
    """True if the name alone shows that it is Keras' method."""


_QUEUE = ("max_queue_size", "workers", "use_multiprocessing", "max_q_size", "nb_worker", "pickle_safe")
_SAMPLES = {
    "samples_per_epoch": "Keras 3 counts batches: steps_per_epoch is that number by the size of a batch",
    "nb_val_samples": "Keras 3 counts batches: validation_steps is that number by the size of a batch",
    "val_samples": "Keras 3 counts batches: steps is that number by the size of a batch",
    "show_accuracy": "give compile metrics=['accuracy']",
}
_FIT_GENERATOR = ("generator", "steps_per_epoch", "epochs", "verbose", "callbacks", "validation_data",
                  "validation_steps", "class_weight")  # fmt: skip

METHODS: Mapping[str, Method] = {
    "fit_generator": Method(
        "fit", _FIT_GENERATOR, {"generator": "x", "nb_epoch": "epochs"}, _QUEUE, _SAMPLES
    ),
    "evaluate_generator": Method("evaluate", ("generator", "steps"), {"generator": "x"}, _QUEUE, _SAMPLES),
    "predict_generator": Method("predict", ("generator", "steps"), {"generator": "x"}, _QUEUE, _SAMPLES),
    "fit": Method("fit", (), {"nb_epoch": "epochs"}, _QUEUE, _SAMPLES, distinct=False),
    "evaluate": Method("evaluate", (), {}, _QUEUE, _SAMPLES, distinct=False),
    "predict": Method("predict", (), {}, _QUEUE, _SAMPLES, distinct=False),
    "predict_proba": Method("predict", distinct=False),
}
"""Methods of models, by their names in Keras 0.3 to 2."""

GONE_METHODS: Mapping[str, str] = {
    "predict_classes": "write model.predict(x).argmax(axis=-1), or (model.predict(x) > 0.5) for one output",
    "add_node": "write the graph with keras.Input and keras.Model",
    "add_input": "write the graph with keras.Input and keras.Model",
    "add_output": "write the graph with keras.Input and keras.Model",
    "to_yaml": "write model.to_json()",
}
"""Methods of models that are gone, and what to write."""
COMPILE_BY_HAND: Mapping[str, str] = {
    "class_mode": "Keras takes that from the loss",
    "sample_weight_mode": "weigh the steps by an array of (samples, steps), and leave the mode out",
    "theano_mode": "there is no Theano in Keras 3",
    "target_tensors": "Keras 3 takes targets from fit alone",
}
"""Arguments of ``compile`` that are gone."""

CALLBACK_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "ReduceLROnPlateau": {"epsilon": "min_delta"},
    "ModelCheckpoint": {},
    "to_categorical": {"nb_classes": "num_classes"},
    "plot_model": {},
}
"""Arguments of callbacks and utilities that were renamed."""

SAME_FUNCTIONS = frozenset((
    "abs", "exp", "log", "sqrt", "square", "sign", "round", "sin", "cos", "maximum", "minimum", "reshape",
    "cast", "zeros_like", "ones_like", "squeeze", "relu", "softmax", "sigmoid", "tanh", "softplus",
    "softsign", "elu", "mean", "sum", "max", "min", "prod", "any", "all", "std", "var", "cumsum", "cumprod",
    "equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "stack", "flip", "logsumexp",
    "zeros", "ones", "eye", "arange", "one_hot", "shape", "stop_gradient",
))  # fmt: skip
"""Functions of ``keras.backend`` that ``keras.ops`` has under their names, with the same arguments."""
KEPT_NAMES = frozenset(("axis", "keepdims", "dtype"))
"""The arguments that these functions may be given by name."""
RENAMED_FUNCTIONS: Mapping[str, str] = {
    "permute_dimensions": "ops.transpose",
    "clip": "ops.clip",
    "pow": "ops.power",
    "random_normal": "random.normal",
    "random_uniform": "random.uniform",
    "dropout": "random.dropout",
    "reverse": "ops.flip",
    "variable": "Variable",
    "get_value": "ops.convert_to_numpy",
    "constant": "ops.convert_to_tensor",
    "set_image_dim_ordering": "config.set_image_data_format",
}
"""Functions that mean the same in ``keras`` under another name, where they are given nothing by name but
what stands in ``RENAMED_NAMES``."""
RENAMED_NAMES: Mapping[str, Mapping[str, str]] = {"permute_dimensions": {"pattern": "axes"}}
AXIS_FUNCTIONS: Mapping[str, tuple[str, int, int, int]] = {
    "concatenate": ("concatenate", 2, 1, -1),
    "expand_dims": ("expand_dims", 2, 1, -1),
    "argmax": ("argmax", 2, 1, -1),
    "argmin": ("argmin", 2, 1, -1),
    "gather": ("take", 2, 2, 0),
}
"""Functions whose default axis is another in ``keras.ops``: the new name, how many arguments they take, how
many leave the axis out, and the axis that is meant then."""
KEPT_FUNCTIONS = frozenset((
    "clear_session", "epsilon", "floatx", "get_uid", "image_data_format", "is_keras_tensor", "backend",
    "set_epsilon", "set_floatx", "set_image_data_format", "result_type", "standardize_dtype",
    "is_float_dtype", "is_int_dtype",
))  # fmt: skip
"""Functions that ``keras.backend`` still has."""
BACKEND_BY_HAND: Mapping[str, str] = {
    "function": "make a keras.Model of the same inputs and outputs, and call it",
    "learning_phase": "call the model with training=True or training=False",
    "set_learning_phase": "call the model with training=True or training=False",
    "get_session": "Keras 3 has no sessions: leave it out",
    "set_session": "Keras 3 has no sessions: leave it out",
    "tf": "import tensorflow itself",
    "batch_dot": "write keras.layers.Dot, or keras.ops.einsum",
    "dot": "write keras.ops.matmul, or keras.ops.tensordot for more than two axes",
    "rnn": "write a cell and keras.layers.RNN",
    "set_value": "call variable.assign(value)",
    "int_shape": "write x.shape",
    "ndim": "write len(x.shape)",
    "switch": "write keras.ops.where, or keras.ops.cond for a single condition",
    "image_dim_ordering": "write keras.config.image_data_format(): it is channels_first for th",
    "gradients": "use the gradients of the backend, such as torch.autograd.grad or tf.GradientTape",
    "ctc_batch_cost": "write keras.losses.CTC or keras.ops.ctc_loss",
    "ctc_decode": "write keras.ops.ctc_decode",
    "repeat_elements": "write keras.ops.repeat",
    "repeat": "write keras.layers.RepeatVector, or keras.ops.repeat of an axis more",
    "l2_normalize": "write keras.ops.normalize with axis",
    "bias_add": "add the bias: x + bias",
    "tile": "write keras.ops.tile with a list of repeats",
    "eval": "write keras.ops.convert_to_numpy",
    "count_params": "write x.shape and multiply its sizes",
    "update": "call variable.assign(value)",
    "in_train_phase": "write a layer whose call has the argument training",
    "in_test_phase": "write a layer whose call has the argument training",
    "cast_to_floatx": "write keras.ops.cast(x, keras.config.floatx())",
    "tensorflow_backend": "import tensorflow itself",
    "placeholder": "write keras.Input",
}
"""Functions of ``keras.backend`` with a way by hand; the others have none in common."""

GONE: Mapping[str, str] = {
    "keras.wrappers.scikit_learn.KerasClassifier": "keras.wrappers.SKLearnClassifier, or scikeras",
    "keras.wrappers.scikit_learn.KerasRegressor": "keras.wrappers.SKLearnRegressor, or scikeras",
    "keras.wrappers.scikit_learn": "keras.wrappers has SKLearnClassifier and SKLearnRegressor",
    "keras.preprocessing.text": "keras.layers.TextVectorization; tensorflow.keras still has this module",
    "keras.preprocessing.text.Tokenizer": "keras.layers.TextVectorization; tensorflow.keras still has it",
    "keras.preprocessing.sequence.TimeseriesGenerator": "keras.utils.timeseries_dataset_from_array",
    "keras.preprocessing.sequence.make_sampling_table": "tensorflow.keras still has it",
    "keras.preprocessing.sequence.skipgrams": "tensorflow.keras still has it",
    "keras.preprocessing.image.ImageDataGenerator": "keras.utils.image_dataset_from_directory and layers "
                                                    "such as RandomFlip; tensorflow.keras still has it",
    "keras.models.Graph": "keras.Model made of keras.Input",
    "keras.models.model_from_yaml": "model_from_json, or load_model of a whole model",
    "keras.models.model_from_config": "Model.from_config",
    "keras.utils.multi_gpu_model": "keras.distribution.DataParallel",
    "keras.utils.training_utils.multi_gpu_model": "keras.distribution.DataParallel",
    "keras.utils.print_summary": "model.summary()",
    "keras.utils.layer_utils.print_summary": "model.summary()",
    "keras.utils.HDF5Matrix": "h5py itself",
    "keras.utils.io_utils.HDF5Matrix": "h5py itself",
    "keras.backend.tensorflow_backend": "keras.backend, whose functions are in keras.ops",
    "keras.backend.theano_backend": "keras.backend, whose functions are in keras.ops",
    "keras.models.AutoEncoder": "keras.Model of an encoder and a decoder",
    "keras.layers.containers.Graph": "keras.Model made of keras.Input",
    "keras.engine.topology.Container": "keras.Model",
    "keras.engine.Container": "keras.Model",
    "keras.estimator": "model.fit",
}  # fmt: skip
"""The dotted names that Keras 3 does not have, each with what replaces it."""
