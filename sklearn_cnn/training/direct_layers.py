"""Dense layers and rectifiers in operations that TensorFlow hands to XLA directly.

For some operations, those of a rectifier and of the gradient of a bias among them, it asks another
compiler: 8 ms each, as long as all others of a small network together. These forms have the same
results for finite numbers; of minus infinity, where training has gone astray, this rectifier makes
NaN.
"""

from keras import activations, layers, models, ops


def _activated(layer, x):
    if layer.activation is activations.relu:
        # No select and no maximum: their gradients look at shapes, and a custom one's graph stays.
        return x * ops.cast(x > 0, x.dtype)
    return x if layer.activation is None else layer.activation(x)


class _DirectDense(layers.Dense):
    def call(self, inputs, training=None):
        x = ops.matmul(inputs, self.kernel)
        # In the other order Keras makes it an addition of biases.
        x = ops.add(self.bias, x) if self.use_bias else x
        return _activated(self, x)


class _DirectActivation(layers.Activation):
    def call(self, inputs):
        return _activated(self, inputs)


def with_direct_layers(model: models.Model) -> models.Model:
    """The same model, which nobody else may hold, its layers computing in these forms."""
    for layer in model._flatten_layers(include_self=False):
        if type(layer) is layers.Activation:
            layer.__class__ = _DirectActivation
        if type(layer) is layers.Dense and _is_plain(layer):
            layer.__class__ = _DirectDense
    return model


def _is_plain(layer) -> bool:
    return layer.quantization_mode is None and not layer.lora_enabled
