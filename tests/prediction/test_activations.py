import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sklearn_cnn import CNNClassifier, MLPClassifier
from sklearn_cnn.prediction import activations

# The worked example of a convolution layer: a picture of three channels with margins of zeros,
# two filters with biases 1 and 0, strides of 2.
PICTURE = """
0 0 0 0 0 0 0  0 0 0 0 0 0 0  0 0 0 0 0 0 0
0 0 0 1 0 2 0  0 2 1 2 1 1 0  0 2 1 1 2 0 0
0 1 0 2 0 1 0  0 2 1 2 0 1 0  0 1 0 0 1 0 0
0 1 0 2 2 0 0  0 0 2 1 0 1 0  0 0 1 0 0 0 0
0 2 0 0 2 0 0  0 1 2 2 2 2 0  0 1 0 2 1 0 0
0 2 1 2 2 0 0  0 0 1 2 0 1 0  0 2 2 1 1 1 0
0 0 0 0 0 0 0  0 0 0 0 0 0 0  0 0 0 0 0 0 0
"""
FILTERS = """
-1 0 1  0 0 1  1 -1 1    -1 0 1  1 -1 1  0 1 0    -1 1 1  1 1 0  0 -1 0
0 1 -1  0 -1 0  0 -1 1   -1 0 0  1 -1 0  1 -1 0   -1 1 -1  0 -1 -1  1 0 0
"""
MAPS = [[[2, 3, 3], [3, 7, 3], [8, 10, 0]], [[0, 0, 0], [0, 1, 0], [0, 0, 0]]]


def test_a_convolution_sees_the_worked_example_as_it_should():
    picture = np.array(PICTURE.split(), dtype=float).reshape(7, 3, 7).transpose(0, 2, 1)
    X = np.stack([picture, np.zeros_like(picture)])
    cnn = CNNClassifier(
        filters=2, strides=2, padding="valid", pooling=None, hidden_layer_sizes=(), max_iter=1
    ).fit(X, [0, 1])
    kernel = np.array(FILTERS.split(), dtype=float).reshape(2, 3, 3, 3).transpose(2, 3, 1, 0)
    cnn.model_.set_weights([kernel, np.array([1.0, 0.0]), *cnn.model_.get_weights()[2:]])
    maps = activations(cnn, X[:1], ["conv_0"])["conv_0"]
    assert_array_equal(maps[0].transpose(2, 0, 1), MAPS)


def test_activations_equal_those_of_the_keras_model():
    import keras

    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(70, 6, 6, 2)), np.arange(70) % 3
    cnn = CNNClassifier(filters=(3, 4), batch_normalization=True, dropout=0.5, max_iter=2)
    cnn.fit(X, y)
    names = ["conv_0_activation", "output", "pool_1"]
    found = activations(cnn, X, names)
    assert list(found) == names
    for name in names:
        part = keras.Model(cnn.model_.inputs, cnn.model_.get_layer(name).output)
        expected = keras.ops.convert_to_numpy(part(X.astype("float32"), training=False))
        assert_allclose(found[name], expected, atol=1e-6)


def test_the_output_layer_gives_the_probabilities(double):
    X, y = [[0.0], [1.0], [2.0]], ["a", "b", "c"]
    mlp = MLPClassifier((3,), max_iter=2, random_state=0).fit(X, y)
    output = activations(mlp, X, ["output"])["output"]
    assert_allclose(output, mlp.predict_proba(X), rtol=double)
    hidden = activations(mlp, X, ["hidden_0"])["hidden_0"]
    assert_allclose(hidden, np.maximum(X @ mlp.coefs_[0] + mlp.intercepts_[0], 0), rtol=double)


def test_weights_set_on_the_model_show():
    X, y = [[0.0], [1.0]], [0, 1]
    mlp = MLPClassifier((2,), max_iter=1).fit(X, y)
    mlp.model_.set_weights([np.zeros_like(weight) for weight in mlp.model_.get_weights()])
    assert_array_equal(activations(mlp, X, ["hidden_0"])["hidden_0"], np.zeros((2, 2)))


def test_before_fit_there_is_nothing_to_see():
    with pytest.raises(NotFittedError):
        activations(MLPClassifier(), [[0.0]], ["hidden_0"])


def test_an_unknown_layer_is_an_error_that_lists_the_layers():
    mlp = MLPClassifier((2,), max_iter=1).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(
        ValueError,
        match="layers names 'conv_7', but the layers of this MLPClassifier are 'input', "
        "'hidden_0', 'output'.",
    ):
        activations(mlp, [[0.0]], ["hidden_0", "conv_7"])
