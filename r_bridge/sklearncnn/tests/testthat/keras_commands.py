"""Keras itself, for R to compare with."""

import json
from pathlib import Path

import numpy as np

from r_bridge._dispatch import command
from sklearn_cnn import import_keras


def twin(config, weights, compiled):
    keras = import_keras()
    model = keras.Sequential.from_config(json.loads(config))
    model.set_weights([np.asarray(weight) for weight in weights])
    model.compile(**compiled)
    return model


@command
def keras_says(config, weights, compiled, x, y):
    """Evaluation, prediction, and weights after one step on all rows and after two epochs."""
    compiled = {name: list(v) if name == "metrics" else v for name, v in compiled.items()}
    model = twin(config, weights, compiled)
    says = {
        "evaluation": model.evaluate(x, y, verbose=0, return_dict=True),
        "prediction": model.predict(x, verbose=0),
    }
    model.train_on_batch(x, y)
    says["step"] = model.get_weights()
    model = twin(config, weights, compiled)
    history = model.fit(x, y, epochs=2, shuffle=False, validation_split=0.2, verbose=0)
    says["fit"] = model.get_weights()
    says["history"] = {name: np.array(values) for name, values in history.history.items()}
    return says


@command
def element_of(x, index):
    return float(x[tuple(int(i) for i in np.atleast_1d(index))])


def pictures(rng, n, shape):
    """Pictures of ten classes, each a bright place of its own on a dim ground."""
    y = rng.integers(0, 10, n)
    x = rng.integers(0, 60, (n, *shape))
    for row, label in enumerate(y):
        top, left = 2 + 5 * (label % 5), 4 + 12 * (label // 5)
        x[row, top : top + 5, left : left + 6] += 180
    return x.astype(np.uint8), y


@command
def write_data_sets(folder):
    """Small files in the formats of Keras's data sets, with classes that can be learned."""
    rng = np.random.default_rng(0)
    folder = Path(folder)
    train, test = pictures(rng, 400, (28, 28)), pictures(rng, 100, (28, 28))
    parts = {"x_train": train[0], "y_train": train[1], "x_test": test[0], "y_test": test[1]}
    for name in ("mnist", "fashion-mnist"):
        np.savez(folder / f"{name}.npz", **parts)
    for name in ("data_batch_1", "test_batch"):
        x, y = pictures(rng, 60, (32, 32, 3))
        planes = x.transpose(0, 3, 1, 2).reshape(60, -1)
        batches = folder / "cifar-10-batches-bin"
        batches.mkdir(exist_ok=True)
        (batches / f"{name}.bin").write_bytes(
            np.hstack([y[:, None], planes]).astype("u1").tobytes()
        )

    def texts(labels, n_classes):
        made = np.empty(len(labels), dtype=object)
        made[:] = [
            [*rng.integers(1, 400, 20).tolist(), *(rng.integers(0, 40, 12) * n_classes + label + 1)]
            for label in labels
        ]
        made[:] = [[int(word) for word in text] for text in made]
        return made

    y_train, y_test = rng.integers(0, 2, 300), rng.integers(0, 2, 100)
    np.savez(
        folder / "imdb.npz",
        x_train=texts(y_train, 2),
        y_train=y_train,
        x_test=texts(y_test, 2),
        y_test=y_test,
    )
    topics = rng.integers(0, 46, 600)
    np.savez(folder / "reuters.npz", x=texts(topics, 46), y=topics)
    words = {f"word{number}": number for number in range(1, 400)}
    for name in ("imdb", "reuters"):
        (folder / f"{name}_word_index.json").write_text(json.dumps(words))
    x = rng.normal(5, 2, (120, 13))
    np.savez(folder / "boston_housing.npz", x=x, y=x @ rng.normal(0, 1, 13) + 20)


@command
def tokenizer_says(texts, more, settings, modes):
    """Keras's own tokenizer, which its third edition has no public name for any more."""
    from keras.src.legacy.preprocessing.text import Tokenizer

    tokenizer = Tokenizer(**settings)
    tokenizer.fit_on_texts(list(texts))
    sequences = tokenizer.texts_to_sequences(list(more))
    return {
        "words": tuple(tokenizer.word_index),
        "sequences": [np.array(numbers, dtype=np.int32) for numbers in sequences],
        "texts": tuple(tokenizer.sequences_to_texts(sequences)),
        "matrices": {mode: tokenizer.texts_to_matrix(list(more), mode=mode) for mode in modes},
    }


@command
def preprocessed(x, mode):
    keras = import_keras()
    return keras.applications.imagenet_utils.preprocess_input(
        np.array(x), data_format="channels_last", mode=mode
    )
