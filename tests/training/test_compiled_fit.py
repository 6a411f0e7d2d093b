"""`fit_keras_model` against Keras's own `fit`."""

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose

from sklearn_cnn import fit_keras_model
from sklearn_cnn.training import compiled_fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 6)).astype(np.float32)
CLASSES = RNG.integers(0, 3, size=90)
ONE_HOT = np.eye(3, dtype=np.float32)[CLASSES]
NUMBERS = X @ RNG.normal(size=(6,)).astype(np.float32)
BINARY = (NUMBERS > 0).astype(np.int32)


def dense(output, **hidden):
    return keras.Sequential([keras.Input((6,)), layers.Dense(8, "tanh", **hidden), output])


PROBLEMS = {
    "regression": (lambda: dense(layers.Dense(1)), "mse", ["mae"], NUMBERS),
    "two classes": (
        lambda: dense(layers.Dense(1, "sigmoid")),
        "binary_crossentropy",
        ["acc", "AUC"],
        BINARY,
    ),
    "one-hot classes": (
        lambda: dense(layers.Dense(3, "softmax")),
        "categorical_crossentropy",
        ["accuracy"],
        ONE_HOT,
    ),
    "class numbers": (
        lambda: dense(layers.Dense(3, "softmax")),
        "sparse_categorical_crossentropy",
        ["acc", "sparse_categorical_crossentropy"],
        CLASSES,
    ),
    "logits": (
        lambda: dense(layers.Dense(3)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        ["accuracy"],
        CLASSES,
    ),
    "penalties": (
        lambda: dense(layers.Dense(1), kernel_regularizer=keras.regularizers.L2(0.01)),
        "mse",
        ["mean_absolute_error"],
        NUMBERS,
    ),
    "constraints": (
        lambda: dense(
            layers.Dense(1, kernel_constraint="non_neg"),
            kernel_constraint=keras.constraints.MaxNorm(0.5),
        ),
        "mse",
        [],
        NUMBERS,
    ),
    "batch normalisation": (
        lambda: keras.Sequential(
            [keras.Input((6,)), layers.Dense(5), layers.BatchNormalization(), layers.Dense(1)]
        ),
        "mse",
        [],
        NUMBERS,
    ),
    "convolution": (
        lambda: keras.Sequential(
            [
                keras.Input((6,)),
                layers.Reshape((6, 1)),
                layers.Conv1D(4, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(3, "softmax"),
            ]
        ),
        "categorical_crossentropy",
        ["acc"],
        ONE_HOT,
    ),
}


def twins(name, optimizer=None):
    """Two models with the same weights, compiled alike, and the target."""
    make, loss, metrics, y = PROBLEMS[name]
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        model = make()
        own = keras.optimizers.get(optimizer or "rmsprop")
        own = type(own).from_config(own.get_config())
        model.compile(optimizer=own, loss=loss, metrics=metrics)
        models.append(model)
    models[1].set_weights(models[0].get_weights())
    return *models, y


def assert_same(ours, theirs, rtol=2e-4):
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_allclose(mine, other, rtol=rtol, atol=2e-5)


def assert_same_history(ours, theirs):
    assert list(ours.history) == list(theirs.history)
    assert ours.epoch == theirs.epoch
    for name, values in theirs.history.items():
        assert_allclose(ours.history[name], values, rtol=1e-3, atol=1e-5, err_msg=name)


@pytest.fixture
def by_keras():
    """The test is about what Keras's own `fit` does."""


@pytest.fixture(autouse=True)
def in_compiled_epochs(monkeypatch, request):
    """Nothing may fall back to Keras's own `fit` unnoticed."""
    if "by_keras" in request.fixturenames:
        return
    original = compiled_fit._CompiledFit.of

    def of(*arguments, **settings):
        fit = original(*arguments, **settings)
        assert fit is not None, "not compiled"
        return fit

    monkeypatch.setattr(compiled_fit._CompiledFit, "of", of)


@pytest.mark.parametrize("name", PROBLEMS)
def test_model_and_history_end_where_keras_would_leave_them(name):
    ours, theirs, y = twins(name)
    settings = {"epochs": 4, "batch_size": 32, "validation_split": 0.25, "shuffle": False}
    mine = fit_keras_model(ours, X, y, **settings)
    other = theirs.fit(X, y, verbose=0, **settings)
    assert_same_history(mine, other)
    assert_same(ours, theirs)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adagrad", "adadelta", "nadam"])
def test_the_optimizer_goes_on_from_fit_to_fit_and_into_train_on_batch(optimizer):
    ours, theirs, y = twins("regression", optimizer)
    for first, last in [(0, 2), (2, 3)]:
        settings = {"epochs": last, "initial_epoch": first, "shuffle": False}
        fit_keras_model(ours, X, y, **settings)
        theirs.fit(X, y, verbose=0, **settings)
    ours.train_on_batch(X[:32], y[:32])
    theirs.train_on_batch(X[:32], y[:32])
    assert_same(ours, theirs)
    assert int(ours.optimizer.iterations) == int(theirs.optimizer.iterations) == 10


def test_callbacks_see_the_model_itself_and_end_training():
    ours, theirs, y = twins("regression", keras.optimizers.SGD(0.3))
    seen = []

    def callbacks():
        return [
            keras.callbacks.EarlyStopping(
                "loss", min_delta=0.05, patience=4, restore_best_weights=True
            ),
            keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.05),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)),
        ]

    settings = {"epochs": 30, "shuffle": False}
    mine = fit_keras_model(ours, X, y, callbacks=callbacks(), **settings)
    n_epochs = len(seen)
    other = theirs.fit(X, y, verbose=0, callbacks=callbacks(), **settings)
    assert_same_history(mine, other)
    assert_same(ours, theirs)
    assert n_epochs == len(mine.epoch) < 30
    assert_allclose(float(ours.optimizer.learning_rate), float(theirs.optimizer.learning_rate))


def test_a_checkpoint_of_a_callback_is_the_users_model(tmp_path):
    ours, _, y = twins("class numbers")
    file = tmp_path / "best.keras"
    callback = keras.callbacks.ModelCheckpoint(file, monitor="loss")
    fit_keras_model(ours, X, y, epochs=2, callbacks=[callback])
    loaded = keras.saving.load_model(file)
    assert_allclose(loaded.evaluate(X, y, verbose=0), ours.evaluate(X, y, verbose=0), rtol=1e-6)


def test_a_schedule_of_rates_is_followed():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
    ours, theirs, y = twins("regression", keras.optimizers.SGD(schedule))
    fit_keras_model(ours, X, y, epochs=3, shuffle=False)
    theirs.fit(X, y, epochs=3, shuffle=False, verbose=0)
    assert_same(ours, theirs)


def test_two_inputs_are_trained():
    def model():
        inputs = [keras.Input((2,)), keras.Input((4,))]
        joined = layers.concatenate([layers.Dense(3, "tanh")(inputs[0]), inputs[1]])
        model = keras.Model(inputs, layers.Dense(1)(joined))
        model.compile(optimizer="sgd", loss="mse")
        return model

    ours, theirs = model(), model()
    theirs.set_weights(ours.get_weights())
    x = [X[:, :2], X[:, 2:]]
    fit_keras_model(ours, x, NUMBERS, epochs=2, shuffle=False)
    theirs.fit(x, NUMBERS, epochs=2, shuffle=False, verbose=0)
    assert_same(ours, theirs)


def test_the_same_random_state_gives_the_same_weights_and_another_one_others():
    first, second, y = twins("class numbers")
    third, _, _ = twins("class numbers")
    for model, seed in [(first, 1), (second, 1), (third, 2)]:
        fit_keras_model(model, X, y, epochs=2, random_state=seed)
    assert all(map(np.array_equal, first.get_weights(), second.get_weights()))
    assert not np.array_equal(first.get_weights()[0], third.get_weights()[0])


def test_a_model_of_other_names_takes_the_same_program():
    from sklearn_cnn.backends import PROGRAMS

    first, second, y = twins("one-hot classes")
    assert first.layers[0].name != second.layers[0].name
    fit_keras_model(first, X, y, epochs=2)
    n_programs = len(PROGRAMS)
    fit_keras_model(second, X, y, epochs=2)
    assert len(PROGRAMS) == n_programs


def test_class_numbers_beyond_the_output_units_are_named():
    model, _, _ = twins("class numbers")
    with pytest.raises(ValueError, match=r"class number 3, but the model has 3 output units"):
        fit_keras_model(model, X, CLASSES + 1)


def test_a_model_that_is_not_compiled_is_an_error():
    with pytest.raises(ValueError, match="not compiled"):
        fit_keras_model(keras.Sequential([keras.Input((6,)), layers.Dense(1)]), X, NUMBERS)


def test_a_loss_that_is_not_finite_ends_training_with_a_warning():
    model, _, y = twins("regression", keras.optimizers.SGD(1e30))
    with pytest.warns(UserWarning, match="not finite in epoch"):
        history = fit_keras_model(model, X, y, epochs=50)
    assert len(history.epoch) < 50


@pytest.mark.usefixtures("by_keras")
@pytest.mark.parametrize(
    "settings",
    [
        {"class_weight": {0: 1.0, 1: 3.0}},
        {"sample_weight": np.linspace(0, 2, 90)},
        {"validation_data": (X, BINARY, np.linspace(0, 2, 90))},
    ],
    ids=["class_weight", "sample_weight", "validation weights"],
)
def test_weighted_rows_have_the_arithmetic_of_keras(settings):
    ours, theirs, y = twins("two classes")
    mine = fit_keras_model(ours, X, y, epochs=2, shuffle=False, **settings)
    other = theirs.fit(X, y, epochs=2, shuffle=False, verbose=0, **settings)
    assert_same_history(mine, other)
    assert_same(ours, theirs)


@pytest.mark.usefixtures("by_keras")
def test_what_cannot_be_compiled_is_fitted_by_keras_and_reproducibly():
    def fitted(seed):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((6,))
        model = keras.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(3)(inputs)])
        model.compile(optimizer="sgd", loss=["mse", "mse"])
        before = np.random.get_state()[1].copy()
        history = fit_keras_model(model, X, [NUMBERS, ONE_HOT], epochs=2, random_state=seed)
        assert np.array_equal(np.random.get_state()[1], before)
        return history.history["loss"], model.get_weights()[0]

    assert fitted(1)[0] == fitted(1)[0] != fitted(2)[0]


def test_a_line_for_each_epoch_is_printed(capsys):
    model, _, y = twins("two classes")
    fit_keras_model(model, X, y, epochs=2, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert "acc: 0." in lines[0]
