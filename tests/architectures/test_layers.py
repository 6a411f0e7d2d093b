"""Layers that Keras does not ship."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist


def test_units_are_squared_distances_to_prototypes(tmp_path):
    """SYSTEMS B10: y_i = sum_j (f_j - w_ij)^2; and the layer is saved and loaded by name."""
    import keras

    from sklearn_cnn.architectures.layers import RadialBasis

    inputs = keras.Input((84,), dtype="float64")
    model = keras.Model(inputs, RadialBasis(10, dtype="float64")(inputs))
    rng = np.random.RandomState(0)
    X, prototypes = rng.normal(size=(5, 84)), rng.normal(size=(10, 84))
    model.set_weights([prototypes])
    distance = np.array(model(X))
    assert_allclose(distance, cdist(X, prototypes, "sqeuclidean"), rtol=1e-12)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_array_equal(np.array(again(X)), distance)
