"""Networks as descriptions: pure functions that say what a network looks like.

A description builds its Keras model, counts and draws its weights, and is the key under which
compiled programs are kept. Nothing here knows scikit-learn, and importing it imports no Keras.
"""

from ._description import Architecture, Blueprint, Parameter, parameters_of_model, register
from .activations import activation_name, keras_activation, numpy_activation
from .anatomy import LayerRow, layer_table, receptive_field
from .autoencoding import convolutional_autoencoder, decoder, dense_autoencoder, encoder
from .convolutional import convolutional
from .dense import DenseLayer, dense, dense_layers, with_hidden_sizes, works_unit_by_unit
from .lenet import lenet, lenet5
from .named import named_architecture, named_architectures

__all__ = [
    "Architecture",
    "Blueprint",
    "DenseLayer",
    "LayerRow",
    "Parameter",
    "activation_name",
    "convolutional",
    "convolutional_autoencoder",
    "decoder",
    "dense",
    "dense_autoencoder",
    "dense_layers",
    "encoder",
    "keras_activation",
    "layer_table",
    "lenet",
    "lenet5",
    "named_architecture",
    "named_architectures",
    "numpy_activation",
    "parameters_of_model",
    "receptive_field",
    "register",
    "with_hidden_sizes",
    "works_unit_by_unit",
]
