"""Networks as descriptions: pure functions that say what a network looks like.

A description builds its Keras model, counts and draws its weights, and is the key under which
compiled programs are kept. Nothing here knows scikit-learn, and importing it imports no Keras.
"""

from ._description import Architecture, Blueprint, Parameter, parameters_of_model, register
from .activations import activation_name, keras_activation, numpy_activation
from .anatomy import LayerRow, layer_table, receptive_field
from .convolutional import convolutional
from .dense import DenseLayer, dense, dense_layers

__all__ = [
    "Architecture",
    "Blueprint",
    "DenseLayer",
    "LayerRow",
    "Parameter",
    "activation_name",
    "convolutional",
    "dense",
    "dense_layers",
    "keras_activation",
    "layer_table",
    "numpy_activation",
    "parameters_of_model",
    "receptive_field",
    "register",
]
