"""Networks as descriptions: pure functions that say what a network looks like.

A description builds its Keras model, counts and draws its weights, and is the key under which
compiled programs are kept. Nothing here knows scikit-learn, and importing it imports no Keras.
"""

from ._description import Architecture, Blueprint, Parameter, parameters_of_model, register
from .activations import activation_name, keras_activation, numpy_activation
from .dense import DenseLayer, dense, dense_layers

__all__ = [
    "Architecture",
    "Blueprint",
    "DenseLayer",
    "Parameter",
    "activation_name",
    "dense",
    "dense_layers",
    "keras_activation",
    "numpy_activation",
    "parameters_of_model",
    "register",
]
