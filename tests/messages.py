"""The errors and warnings of the package, one below the other: ``python -m tests.messages``.

Messages are for users, and nobody reads them where they are written. Here each is raised as a user
would raise it. What is printed is committed as `messages.txt`; a test compares, so that whoever
changes a message reads it again: it says what came, what was expected, and what to do.
"""

import argparse
import ast
import contextlib
import io
import os
import pickle
import re
import struct
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sklearn

PACKAGE = Path(__file__).parents[1] / "sklearn_cnn"
_CASES: list[tuple[str, str, Callable]] = []


class Reached:
    """Lines of the package through which errors came."""

    def __init__(self):
        self.lines: set[tuple[str, int]] = set()

    def add(self, error: BaseException) -> None:
        """The last lines of ours on the way to an error and to those that it came from."""
        while error is not None:
            ours = [
                (frame.filename, frame.lineno)
                for frame in traceback.extract_tb(error.__traceback__)
                if frame.filename.startswith(str(PACKAGE))
            ]
            self.lines.update(ours)
            error = error.__cause__ or error.__context__

    def missing(self) -> list[str]:
        """The errors that no case raises: "module: statement"."""
        found = []
        for path in sorted(PACKAGE.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                    continue
                lines = range(node.lineno, node.end_lineno + 1)
                if not any((str(path), line) in self.lines for line in lines):
                    statement = " ".join(ast.unparse(node).split())
                    found.append(f"{path.relative_to(PACKAGE)}: {statement}")
        return found


def raised_by(folder: Path, here: Reached) -> str:
    """All messages, by section; ``here`` gathers the lines that were reached."""
    out = io.StringIO()
    section = None
    for title, what, do in _CASES:
        if title != section:
            section = title
            print(f"\n{title}\n{'=' * len(title)}", file=out)
        print(f"\n{what}", file=out)
        for line in _messages(do, here):
            print(f"    {_without_this_machine(line, folder)}", file=out)
    return out.getvalue().lstrip()


def _messages(do: Callable, here: Reached) -> list[str]:
    found = []
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            do()
        except Exception as error:
            here.add(error)
            found.append(f"{type(error).__name__}: {error}")
            # Python hides why an attribute is not there, and shows it in the traceback.
            if isinstance(error, AttributeError) and error.__cause__ is not None:
                found.append(f"  because: {error.__cause__}")
    for warning in caught:
        ours = warning.category.__module__.startswith("sklearn") or warning.category is UserWarning
        told = f"{warning.category.__name__}: {warning.message}"
        # Fits of few epochs end at max_iter; that has a case of its own.
        if ours and told not in found and not (found and "Maximum iterations" in told):
            found.append(told)
    return found or ["NOTHING WAS RAISED"]


def _without_this_machine(message: str, folder: Path) -> str:
    message = message.replace(str(folder), "FOLDER").replace(sklearn.__version__, "VERSION")
    # Names differ between releases of Keras.
    message = re.sub(r"Known names: '.*', '.*', '.*', '.*', '.*'\.", "Known names: ... .", message)
    return re.sub(r"0x[0-9a-f]+", "0x...", message).replace("\n", "\n    ")


def case(section: str, what: str):
    """Decorate what a user does wrong."""

    def remember(do):
        _CASES.append((section, what, do))
        return do

    return remember


def _add(section: str, cases: dict[str, Callable]) -> None:
    for what, do in cases.items():
        case(section, what)(do)


def _tables() -> None:
    from sklearn_cnn import MLPClassifier, MLPRegressor, families

    rng = np.random.RandomState(0)
    X = rng.normal(size=(30, 4))
    y, labels = X @ [1.0, 2.0, 0.0, -1.0], np.array(["no", "yes"] * 15)
    several = np.arange(90).reshape(30, 3) % 2
    classifier = MLPClassifier((3,), max_iter=2, random_state=0)
    regressor = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0)

    def classify(y=labels, X=X, fit=None, **settings):
        return MLPClassifier(**{"hidden_layer_sizes": (3,), "max_iter": 2} | settings).fit(
            X, y, **(fit or {})
        )

    def regress(y=y, X=X, fit=None, **settings):
        return MLPRegressor(
            **{"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0} | settings
        ).fit(X, y, **(fit or {}))

    def again():
        fitted = classify(warm_start=True)
        fitted.set_params(hidden_layer_sizes=(5,)).fit(X, labels)

    def other_labels():
        classify(warm_start=True).fit(X, np.where(labels == "no", "nay", labels))

    def new_label():
        classifier.partial_fit(X, labels, classes=["no", "yes"])
        classifier.partial_fit(X, np.where(labels == "no", "maybe", labels))

    def coefficients():
        classify().coefs_ = [np.ones((2, 2))]

    def interrupted():
        from keras.callbacks import LambdaCallback

        def stop(epoch, logs):
            raise KeyboardInterrupt

        classify(callbacks=LambdaCallback(on_epoch_end=stop), max_iter=9)

    def rate_explodes():
        from keras.callbacks import LearningRateScheduler

        schedule = LearningRateScheduler(lambda epoch: 1e-3 if epoch < 3 else 1e9)
        regress(
            solver="sgd", activation="identity", learning_rate_init=1e-3, early_stopping=True,
            max_iter=30, callbacks=schedule,
        )  # fmt: skip

    def scales():
        import pandas as pd

        frame = pd.DataFrame({"income": 1e5 * X[:, 0], "share": X[:, 1]})
        regress(X=frame, y=1e6 * y)

    _add(
        "Parameters of all networks",
        {
            "hidden_layer_sizes=(4, 0)": lambda: classify(hidden_layer_sizes=(4, 0)),
            "activation='rleu'": lambda: classify(activation="rleu"),
            "solver='adamm'": lambda: classify(solver="adamm"),
            "loss='log_los'": lambda: classify(loss="log_los"),
            "loss='squared_eror'": lambda: regress(loss="squared_eror"),
            "metrics='accurracy'": lambda: classify(metrics="accurracy"),
            "metrics=[3]": lambda: classify(metrics=[3]),
            "callbacks=3": lambda: classify(callbacks=3),
            "callbacks=['EarlyStopping']": lambda: classify(callbacks=["EarlyStopping"]),
            "kernel_initializer='he_norml'": lambda: classify(kernel_initializer="he_norml"),
            "solver='lbfgs', dropout=0.5": lambda: classify(solver="lbfgs", dropout=0.5),
            "solver='lbfgs', then partial_fit": lambda: MLPClassifier(solver="lbfgs").partial_fit,
            "batch_size=100 for 30 rows": lambda: classify(batch_size=100),
            "warm_start=True, another network": again,
            "warm_start=True, other labels": other_labels,
            "max_iter=2": lambda: classify(max_iter=2),
            "Control-C": interrupted,
        },
    )
    _add(
        "Rows, targets, weights",
        {
            "columns and a target of very different scale": scales,
            "solver='sgd', learning_rate_init=1000": lambda: regress(
                solver="sgd", learning_rate_init=1e3, activation="identity", max_iter=30
            ),
            "solver='lbfgs', X * 1e200": lambda: regress(
                X=1e200 * X, y=1e200 * y, solver="lbfgs", max_iter=5
            ),
            "a rate that explodes after a best epoch": rate_explodes,
            "X_val without y_val": lambda: classify(fit={"X_val": X}),
            "y_val without X_val": lambda: classify(fit={"y_val": labels}),
            "y_val with two columns": lambda: regress(
                fit={"X_val": X, "y_val": np.column_stack([y, y])}
            ),
            "early_stopping=True on 5 rows": lambda: classify(
                X=X[:5], y=labels[:5], early_stopping=True
            ),
            "early_stopping=True on 5 rows, a regression": lambda: regress(
                X=X[:5], y=y[:5], early_stopping=True
            ),
            "early_stopping=True, partial_fit": lambda: MLPRegressor(
                early_stopping=True
            ).partial_fit(X, y),
            "partial_fit with a label that was not among classes": new_label,
            "offset of 3 numbers": lambda: regress(fit={"offset": np.ones(3)}),
            "offset with NaN": lambda: regress(fit={"offset": np.full(30, np.nan)}),
            "class_weight={'cat': 1}": lambda: classify(class_weight={"cat": 1.0}),
            "class_weight={'no': -1}": lambda: classify(class_weight={"no": -1.0}),
            "class_weight of zeros": lambda: classify(class_weight={"no": 0.0, "yes": 0.0}),
            "class_weight: one dict, three outputs": lambda: classify(
                several, class_weight=[{0: 1.0}]
            ),
            "class_weight: a dict, three outputs": lambda: classify(several, class_weight={0: 1.0}),
            "coefs_ of another shape": coefficients,
            "model_ before fit": lambda: regressor.model_,
        },
    )
    _add(
        "Families",
        {
            "loss=gaussian() for labels": lambda: classify(loss=families.gaussian()),
            "loss=binomial() for three labels": lambda: classify(
                np.arange(30) % 3, loss=families.binomial()
            ),
            "loss=multinomial() for several labels a row": lambda: classify(
                several, loss=families.multinomial()
            ),
            "loss='poisson', y < 0": lambda: regress(loss="poisson"),
            "loss=gamma(), y < 0": lambda: regress(loss=families.gamma()),
            "loss=binomial(), y > 1": lambda: regress(3 * np.abs(y), loss=families.binomial()),
            "loss=multinomial(), rows of y do not sum to 1": lambda: regress(
                np.abs(np.column_stack([y, y])) / 10, loss=families.multinomial()
            ),
            "families.get('gausian')": lambda: families.get("gausian"),
            "families.get({'name': 'poisson', 'theta': 2})": lambda: families.get(
                {"name": "poisson", "theta": 2}
            ),
            "poisson(link='logg')": lambda: families.poisson(link="logg"),
            "pinball([0.9, 0.1])": lambda: families.pinball([0.9, 0.1]),
            "deviance of several quantiles": lambda: families.pinball([0.1, 0.9]).deviance(
                np.ones((3, 1)), np.ones((3, 1))
            ),
            "negative_binomial(theta=-1)": lambda: families.negative_binomial(theta=-1),
            "deviance of a negative binomial without theta": lambda: (
                families.negative_binomial().deviance(np.ones(3), np.ones(3))
            ),
            "deviance of arrays of two shapes": lambda: families.poisson().deviance(
                np.ones(3), np.ones(4)
            ),
            "deviance with too few weights": lambda: families.poisson().deviance(
                np.ones(3), np.ones(3), np.ones(2)
            ),
        },
    )


def _pictures() -> None:
    from sklearn_cnn import Autoencoder, CNNClassifier

    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(20, 6, 6)).astype("float32"), np.arange(20) % 2
    flat = X.reshape(20, 36)

    def fit(X=X, **settings):
        return CNNClassifier(
            **{"filters": (2,), "hidden_layer_sizes": (), "max_iter": 1, "batch_size": 10}
            | settings
        ).fit(X, y)

    def encode(X=flat, **settings):
        return Autoencoder(**{"max_iter": 1, "batch_size": 10} | settings).fit(X)

    _add(
        "Pictures and signals",
        {
            "flat rows that do not fill input_shape": lambda: fit(flat, input_shape=(8, 8, 1)),
            "input_shape=(6, 0, 1)": lambda: fit(input_shape=(6, 0, 1)),
            "input_shape=(6, 6)": lambda: fit(flat, input_shape=(6, 6)),
            "pictures of another shape than input_shape": lambda: fit(input_shape=(5, 5, 1)),
            "X with five axes": lambda: fit(X[:, :, :, None, None]),
            "predict on pictures of another shape": lambda: fit().predict(X[:, :5]),
            "filters=(4, 0)": lambda: fit(filters=(4, 0)),
            "kernel_size=(3, 3, 3)": lambda: fit(kernel_size=(3, 3, 3)),
            "strides=(0, 1)": lambda: fit(strides=(0, 1)),
            "kernel_size=9, padding='valid'": lambda: fit(kernel_size=9, padding="valid"),
            "architecture='lenet6'": lambda: fit(architecture="lenet6"),
            "architecture='lenet5' for 6 x 6": lambda: fit(architecture="lenet5"),
            "architecture='lenet' for signals": lambda: fit(flat, architecture="lenet"),
            "Autoencoder(code_activation='linaer')": lambda: encode(code_activation="linaer"),
            "Autoencoder(filters=())": lambda: encode(X, filters=()),
            "Autoencoder().inverse_transform of 3 columns": lambda: encode().inverse_transform(
                np.ones((4, 3))
            ),
        },
    )


def _users_models() -> None:
    import keras
    from keras import layers

    from sklearn_cnn import KerasClassifier, KerasRegressor, KerasTransformer, families

    rng = np.random.RandomState(0)
    X = rng.normal(size=(30, 6)).astype("float32")
    labels, numbers = np.arange(30) % 3, X[:, :2]

    def network(n_outputs, units=8):
        return keras.Sequential([layers.Dense(units, "relu"), layers.Dense(n_outputs, "softmax")])

    def ending_in(units, activation, **compiled):
        model = keras.Sequential([layers.Input((6,)), layers.Dense(units, activation)])
        if compiled:
            model.compile(**compiled)
        return model

    class Forgets(keras.Model):
        def __init__(self, n=3):
            super().__init__()
            self.hidden = layers.Dense(n)

        def call(self, inputs):
            return self.hidden(inputs)

    class OwnStep(keras.Model):
        def train_step(self, data):
            return super().train_step(data)

    def two_inputs():
        a, b = keras.Input((4,), name="table"), keras.Input((1,), name="word")
        return keras.Model([a, b], layers.Dense(3, "softmax")(layers.Concatenate()([a, b])))

    def returns_dict():
        a = keras.Input((6,))
        return keras.Model(a, {"one": layers.Dense(3)(a)})

    class Liar(keras.Model):
        """Its configuration is that of another model."""

        def __init__(self, n=3):
            super().__init__()
            self.hidden = layers.Dense(n)

        def call(self, inputs):
            return self.hidden(inputs)

        def get_config(self):
            return {}

    def lies():
        model = Liar(5)
        model(X)
        classify(model)

    def transformer(y=None, X=X, units=6, **settings):
        return KerasTransformer(ending_in(units, None), **{"max_iter": 1} | settings).fit(X, y)

    def two_outputs():
        a = keras.Input((6,))
        return keras.Model(a, [layers.Dense(1)(a), layers.Dense(2)(a)])

    def own_step():
        a = keras.Input((6,))
        return OwnStep(a, layers.Dense(1)(a))

    def classify(model=network, X=X, y=labels, fit=None, **settings):
        return KerasClassifier(model, **{"max_iter": 1} | settings).fit(X, y, **(fit or {}))

    def batch_mean(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred))

    def forgotten():
        model = Forgets(5)
        model(X)
        classify(model)

    parts = {"table": X[:, :4], "word": X[:, :1]}
    _add(
        "Models that users bring",
        {
            "model=3": lambda: classify(3),
            "model=lambda: 3": lambda: classify(lambda: 3),
            "a model of 5 units for 3 classes": lambda: classify(ending_in(5, "softmax")),
            "a model of one unit for 3 classes": lambda: classify(ending_in(1, "sigmoid")),
            "a model of 5 units for 2 classes": lambda: classify(
                ending_in(5, "softmax"), y=labels > 0
            ),
            "a softmax over one unit": lambda: classify(ending_in(1, "softmax"), y=labels > 0),
            "one unit for several labels a row": lambda: classify(
                ending_in(1, "sigmoid"), y=np.eye(3)[labels].astype(int)[:, :2]
            ),
            "a model of 3 units for 2 numbers": lambda: KerasRegressor(ending_in(3, None)).fit(
                X, numbers
            ),
            "model_params={'unts': 3}": lambda: classify(model_params={"unts": 3}),
            "set_params(model__unts=3)": lambda: KerasClassifier(network).set_params(model__unts=3),
            "set_params(model__units=3), a finished model": lambda: KerasClassifier(
                ending_in(3, None)
            ).set_params(model__units=3),
            "set_params(model__units=3), no model": lambda: KerasClassifier().set_params(
                model__units=3
            ),
            "model_params and a finished model": lambda: classify(
                ending_in(3, None), model_params={"a": 1}
            ),
            "compiled with loss_weights": lambda: classify(
                ending_in(3, None, loss="mse", loss_weights=[2.0], optimizer="sgd")
            ),
            "loss='categorical_crossentopy'": lambda: classify(loss="categorical_crossentopy"),
            "loss=poisson() for labels": lambda: classify(loss=families.poisson()),
            "loss=binomial() for three labels": lambda: classify(loss=families.binomial()),
            "loss=binomial(), a softmax of two units": lambda: classify(
                ending_in(2, "softmax"), y=labels > 0, loss=families.binomial()
            ),
            "loss=poisson(), a sigmoid": lambda: KerasRegressor(
                ending_in(1, "sigmoid"), loss=families.poisson()
            ).fit(X, labels),
            "a dictionary of arrays without a model": lambda: KerasClassifier().fit(
                {"a": X}, labels
            ),
            "inputs of unequal length": lambda: classify(two_inputs(), parts | {"word": X[:9, :1]}),
            "an input of another name": lambda: classify(
                two_inputs(), {"table": X[:, :4], "words": X[:, :1]}
            ),
            "an input of another width": lambda: classify(
                two_inputs(), parts | {"table": X[:, :3]}
            ),
            "an input of words": lambda: classify(
                two_inputs(), parts | {"word": np.full((30, 1), "a")}
            ),
            "three arrays for two inputs": lambda: classify(two_inputs(), [X, X, X]),
            "a table of 6 columns for 5 numbers": lambda: classify(two_inputs(), X),
            "a dictionary for a Sequential model": lambda: classify(ending_in(3, "softmax"), parts),
            "rows of another width than the model's": lambda: classify(
                ending_in(3, "softmax"), X[:, :4]
            ),
            "a model with two outputs": lambda: classify(two_outputs()),
            "a subclassed model that does not keep its arguments": forgotten,
            "a model that returns a dictionary": lambda: classify(returns_dict()),
            "a model whose configuration is another's": lies,
            "KerasTransformer without y, 2 units for 6 columns": lambda: transformer(units=2),
            "KerasTransformer on several inputs without y": lambda: transformer(X=parts),
            "loss=multinomial(), a sigmoid of 3 units": lambda: KerasClassifier(
                ending_in(3, "sigmoid"), loss=families.multinomial(), max_iter=1
            ).fit(X, labels),
            "KerasTransformer(layer='cod')": lambda: KerasTransformer(
                network, layer="cod", max_iter=1
            ).fit(X, labels),
            "an offset with a train_step of one's own": lambda: KerasRegressor(
                own_step(), max_iter=1
            ).fit(X, X[:, 0], offset=np.ones(30)),
            "a loss of one number a batch, with weights": lambda: KerasRegressor(
                ending_in(1, None), loss=batch_mean, max_iter=1
            ).fit(X, X[:, 0], sample_weight=np.arange(30.0)),
        },
    )


def _many_fits() -> None:
    from sklearn_cnn import MLPClassifier, fit_many

    X, y = np.arange(24.0).reshape(12, 2), np.arange(12) % 2
    network = MLPClassifier((3,), max_iter=1, batch_size=4)
    _add(
        "Many fits",
        {
            "fit_many without tuples": lambda: fit_many([network]),
            "fit_many with a number for an estimator": lambda: fit_many([(3, X, y)]),
            "fit_many of five values": lambda: fit_many([(network, X, y, {}, 5)]),
            "fit_many with a mask too short": lambda: fit_many([(network, X, y, [True])]),
            "fit_many with a row too many": lambda: fit_many([(network, X, y, [0, len(X)])]),
            "fit_many of one estimator twice": lambda: fit_many([(network, X, y)] * 2),
        },
    )


def _looking() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    import sklearn_cnn
    from sklearn_cnn import (
        CNNClassifier,
        FeatureMapsDisplay,
        FiltersDisplay,
        HistoryDisplay,
        MLPClassifier,
        ReconstructionDisplay,
        diagnose,
        from_sklearn,
    )

    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(20, 4)), np.arange(20) % 2
    pictures = rng.normal(size=(20, 6, 6))

    def mlp(**settings):
        return MLPClassifier((3,), max_iter=1, **settings).fit(X, y)

    def cnn():
        return CNNClassifier(2, hidden_layer_sizes=(), max_iter=1, batch_size=10).fit(pictures, y)

    def searched():
        return GridSearchCV(MLPClassifier((3,), max_iter=1), {"alpha": [0.1]}, cv=2).fit(X, y)

    def three_axes():
        import matplotlib.pyplot as plt

        HistoryDisplay.from_estimator(mlp(metrics=["accuracy"]), ax=plt.subplots(3)[1])

    _add(
        "Looking at fitted networks",
        {
            "HistoryDisplay of a search": lambda: HistoryDisplay.from_estimator(searched()),
            "HistoryDisplay of a logistic regression": lambda: HistoryDisplay.from_estimator(
                LogisticRegression().fit(X, y)
            ),
            "HistoryDisplay in three axes": three_axes,
            "FiltersDisplay of a perceptron": lambda: FiltersDisplay.from_estimator(mlp()),
            "FiltersDisplay(layers='conv_7')": lambda: FiltersDisplay.from_estimator(
                cnn(), layers="conv_7"
            ),
            "FeatureMapsDisplay of an output": lambda: FeatureMapsDisplay.from_estimator(
                cnn(), pictures, layers="output"
            ),
            "FeatureMapsDisplay of an unknown layer": lambda: FeatureMapsDisplay.from_estimator(
                cnn(), pictures, layers="pol"
            ),
            "ReconstructionDisplay of a perceptron": lambda: ReconstructionDisplay.from_estimator(
                mlp(), X
            ),
            "diagnose a search": lambda: diagnose(searched(), X, y),
            "from_sklearn(LogisticRegression())": lambda: from_sklearn(LogisticRegression()),
            "to_sklearn with batch normalisation": lambda: mlp(
                batch_normalization=True, activation="elu"
            ).to_sklearn(),
            "sklearn_cnn.MLPClasifier": lambda: sklearn_cnn.MLPClasifier,
        },
    )


def _files(folder: Path) -> None:
    from sklearn.neural_network import MLPClassifier as Theirs

    from sklearn_cnn import MLPClassifier, datasets, enable_compilation_cache, load, save

    X, y = np.arange(12.0).reshape(6, 2), [0, 1] * 3
    path, broken = folder / "network", folder / "broken"

    def saved(value):
        save(value, path)
        return path

    def lambda_activation():
        saved(MLPClassifier((2,), activation=lambda x: x, max_iter=1).fit(X, y))

    def changed(**entries):
        from .persistence._attacks import read_members, write_members

        manifest, arrays = read_members(saved(Theirs((2,), max_iter=1).fit(X, y)))
        write_members(broken, manifest | entries, arrays)
        load(broken)

    def cut_off():
        content = saved(Theirs((2,), max_iter=1).fit(X, y)).read_bytes()
        broken.write_bytes(content[: len(content) // 2])
        load(broken)

    def idx(magic, shape, content):
        name = "train-images-idx3-ubyte"
        (folder / name).write_bytes(struct.pack(f">{1 + len(shape)}i", magic, *shape) + content)
        labels = struct.pack(">2i", 2049, 2) + bytes([7, 3])
        (folder / "train-labels-idx1-ubyte").write_bytes(labels)
        return datasets.load_mnist(folder)

    def cifar(content):
        (folder / "test_batch.bin").write_bytes(content)
        return datasets.load_cifar10(folder / "test_batch.bin")

    def pickled(content):
        (folder / "test_batch").write_bytes(content)
        return datasets.load_cifar10(folder / "test_batch")

    def batch(**changes):
        entries = {b"labels": [3, 4], b"data": np.zeros((2, 3072), np.uint8)} | {
            name.encode(): value for name, value in changes.items()
        }
        return pickled(pickle.dumps(entries, protocol=2))

    def gzipped(content):
        (folder / "fashion-mnist").mkdir(exist_ok=True)
        name = folder / "fashion-mnist" / "train-images-idx3-ubyte.gz"
        name.write_bytes(content)
        name.with_name("train-labels-idx1-ubyte.gz").write_bytes(content)
        return datasets.load_fashion_mnist(folder)

    def npz(**arrays):
        np.savez(folder / "mnist.npz", **arrays)
        return datasets.load_mnist(folder / "mnist.npz")

    _add(
        "Files",
        {
            "save an unnamed activation": lambda_activation,
            "save a file that is open": lambda: saved(sys.stdout),
            "save into a folder that does not exist": lambda: save(1, folder / "none" / "file"),
            "load a file that does not exist": lambda: load(folder / "nothing"),
            "load a file that is cut off": cut_off,
            "load a file of a later release": lambda: changed(
                format=99, versions={"sklearn_cnn": "9.0"}
            ),
            "load a file with other entries": lambda: changed(more=1),
            "load a file that asks for os.system": lambda: changed(
                object={"kind": "function", "name": "os.system"}
            ),
            "load a file with a class of a user's": lambda: changed(
                object={"kind": "function", "name": "my_module.MyLoss"}
            ),
            "load a file of scikit-learn 1.0": lambda: changed(versions={"scikit-learn": "1.0"}),
            "load(path, trusted=3)": lambda: load(path, trusted=3),
            "load(path, trusted=[3])": lambda: load(path, trusted=[3]),
            "load_mnist from an empty folder": lambda: datasets.load_mnist(folder / "empty"),
            "load_mnist(subset='tests')": lambda: datasets.load_mnist(folder, subset="tests"),
            "load_cifar100(label_mode='rough')": lambda: datasets.load_cifar100(
                folder, label_mode="rough"
            ),
            "load_mnist: no idx file": lambda: idx(7, (2, 28, 28), bytes(2 * 784)),
            "load_mnist: an impossible shape": lambda: idx(2051, (2, -1, 28), b""),
            "load_mnist: cut off": lambda: idx(2051, (2, 28, 28), bytes(784)),
            "load_mnist: pictures of another size": lambda: idx(2051, (2, 5, 5), bytes(50)),
            "load_mnist: more pictures than labels": lambda: idx(2051, (3, 28, 28), bytes(3 * 784)),
            "load_mnist: an npz file without labels": lambda: npz(
                x_train=np.zeros((2, 28, 28), np.uint8)
            ),
            "load_mnist: an npz file of floats": lambda: npz(
                x_train=np.zeros((2, 28, 28)), y_train=[1, 2]
            ),
            "load_mnist: a label of 12": lambda: npz(
                x_train=np.zeros((2, 28, 28), np.uint8), y_train=[1, 12]
            ),
            "load_fashion_mnist: no gzip file": lambda: gzipped(b"not gzipped at all"),
            "load_cifar10: a batch that runs code": lambda: pickled(b"cos\nsystem\n(S'true'\ntR."),
            "load_cifar10: no pickle": lambda: pickled(b"text"),
            "load_cifar10: words for labels": lambda: batch(labels=["a", "b"]),
            "load_cifar10: pictures of another size": lambda: batch(
                data=np.zeros((2, 10), np.uint8)
            ),
            "load_cifar10: cut off": lambda: cifar(bytes(3000)),
            "enable_compilation_cache() after TensorFlow": lambda: enable_compilation_cache(
                folder / "cache"
            ),
        },
    )


def collect(folder: Path) -> None:
    """Fill the list of cases."""
    _CASES.clear()
    _tables()
    _pictures()
    _users_models()
    _many_fits()
    _looking()
    _files(folder)


def report(here: Reached | None = None) -> str:
    """What is printed."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        folder = Path(name).resolve()
        collect(folder)
        return raised_by(folder, here or Reached())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", type=Path, help="write what no case raises to this file")
    arguments = parser.parse_args()
    reached = Reached()
    print(report(reached), end="")
    if arguments.missing is not None:
        arguments.missing.write_text("\n".join(reached.missing()))


if __name__ == "__main__":
    main()
