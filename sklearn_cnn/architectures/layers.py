"""Layers that Keras does not ship. Imported only where a model is built."""

from keras import initializers, layers, ops, saving


@saving.register_keras_serializable("sklearn_cnn")
class RadialBasis(layers.Layer):
    """Squared distance of each row to a prototype for each unit: y_i = sum_j (f_j - w_ij)^2.

    Parameters
    ----------
    units : int
        Number of prototypes.

    Examples
    --------
    >>> import numpy as np
    >>> layer = RadialBasis(2)
    >>> layer.build((None, 3))
    >>> layer.set_weights([np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])])
    >>> print(ops.convert_to_numpy(layer(np.array([[1.0, 2.0, 1.0]]))))
    [[4. 6.]]
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.prototypes_initializer = initializers.get("glorot_uniform")

    def build(self, input_shape):
        self.prototypes = self.add_weight(
            shape=(self.units, input_shape[-1]),
            initializer=self.prototypes_initializer,
            name="prototypes",
        )

    def call(self, inputs):
        return ops.sum(ops.square(inputs[:, None, :] - self.prototypes), axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return super().get_config() | {"units": self.units}
