"""Folders of pictures are read as Keras reads them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from r_bridge._keras_objects import kept
from r_bridge._pictures import (
    dataset_from_directory,
    flow_from_arrays,
    flow_from_directory,
    read_picture,
    resize_picture,
    write_picture,
)
from sklearn_cnn import import_keras

SETTINGS = {"batch_size": 4, "shuffle": False, "seed": 1, "seed_is_given": False}
READ = {"color_mode": "rgb", "size": np.array([6, 5]), "interpolation": "bilinear"}


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in (("cats", 7), ("dogs", 5), ("birds", 4)):
        (tmp_path / name).mkdir()
        for number in range(n):
            pixels = rng.integers(0, 256, (9, 8, 3))
            write_picture(pixels, str(tmp_path / name / f"{number}.png"), "png", False)
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def epoch(reply):
    them = kept(reply["key"])
    parts = [them.batch(number) for number in range(them.n_batches)]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def of_keras(folder, **settings):
    keras = import_keras()
    pictures = keras.utils.image_dataset_from_directory(
        folder, image_size=(6, 5), batch_size=4, verbose=False, **settings
    )
    parts = [[np.asarray(part) for part in batch] for batch in pictures]
    return pictures, [np.concatenate(part) for part in zip(*parts, strict=True)]


def dataset(folder, label_mode="int", subset=None, settings=SETTINGS, **more):
    arguments = {
        "labels": "inferred",
        "class_names": None,
        "validation_split": None if subset is None else 0.25,
        "follow_links": False,
        "pictures": READ,
    } | more
    return dataset_from_directory(
        str(folder), label_mode=label_mode, subset=subset, settings=settings, **arguments
    )


@pytest.mark.parametrize("label_mode", ["int", "categorical"])
def test_pictures_and_labels_of_folders_are_those_of_keras(folder, label_mode):
    reply = dataset(folder, label_mode)
    pictures, (x, y) = of_keras(folder, shuffle=False, label_mode=label_mode)
    ours = epoch(reply)
    assert_allclose(ours[0], x, atol=1e-3)
    assert_array_equal(ours[1], y)
    assert reply["about"]["class_names"].tolist() == pictures.class_names
    assert list(reply["about"]["filepaths"]) == pictures.file_paths


def test_binary_labels_are_a_column(folder):
    named = {"class_names": ["dogs", "cats"]}
    ours = epoch(dataset(folder, "binary", **named))
    _, (x, y) = of_keras(folder, shuffle=False, label_mode="binary", **named)
    assert_allclose(ours[0], x, atol=1e-3)
    assert_array_equal(ours[1], y)
    with pytest.raises(ValueError, match='"binary" needs two classes, but .* has 3'):
        dataset(folder, "binary")


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_parts_for_training_and_validation_are_those_of_keras(folder, subset):
    settings = SETTINGS | {"shuffle": True, "seed": 5, "seed_is_given": True}
    reply = dataset(folder, subset=subset, settings=settings)
    pictures, _ = of_keras(folder, seed=5, validation_split=0.25, subset=subset)
    assert sorted(reply["about"]["filepaths"]) == sorted(pictures.file_paths)


def test_labels_can_be_given(folder):
    labels = np.arange(16) % 2
    _, y = epoch(dataset(folder, labels=labels))
    _, (_, oracle) = of_keras(folder, shuffle=False, labels=labels.tolist())
    assert_array_equal(y, oracle)
    with pytest.raises(ValueError, match="labels has 3 numbers, but there are 16 pictures"):
        dataset(folder, labels=np.arange(3))


def flow(folder, class_mode="categorical", subset=None, generator=None, **more):
    arguments = {"classes": None, "follow_links": False, "pictures": READ} | more
    return flow_from_directory(
        str(folder),
        generator or {},
        class_mode=class_mode,
        subset=subset,
        settings=SETTINGS,
        **arguments,
    )


def test_a_flow_of_folders_has_the_targets_of_its_class_mode(folder):
    _, (x, y) = of_keras(folder, shuffle=False, label_mode="categorical")
    ours = epoch(flow(folder, generator={"rescale": 0.5}))
    assert_allclose(ours[0], x * 0.5, atol=1e-3)
    assert_array_equal(ours[1], y)
    assert_array_equal(epoch(flow(folder, "sparse"))[1], y.argmax(1))
    assert len(epoch(flow(folder, None))) == 1
    itself = epoch(flow(folder, "input", generator={"rotation_range": 90.0}))
    assert_array_equal(*itself)


def test_each_class_is_split_by_the_generator(folder):
    parts = [
        flow(folder, "sparse", subset, {"validation_split": 0.25})["about"]
        for subset in ("training", "validation")
    ]
    assert [part["n"] for part in parts] == [13, 3]
    assert_array_equal(np.bincount(parts[1]["classes"]), [1, 1, 1])
    assert not set(parts[0]["filepaths"]) & set(parts[1]["filepaths"])
    with pytest.raises(ValueError, match="subset needs a generator with validation_split"):
        flow(folder, subset="training")


def test_a_flow_of_arrays_keeps_rows_together():
    x = np.arange(10 * 4).reshape(10, 2, 2, 1).astype(np.float32)
    y, weights = np.arange(10.0), np.arange(10.0) + 100
    reply = flow_from_arrays(x, y, weights, {}, None, SETTINGS | {"shuffle": True})
    seen = epoch(reply)
    assert_array_equal(seen[0][:, 0, 0, 0], 4 * seen[1])
    assert_array_equal(seen[2], seen[1] + 100)
    part = {"validation_split": 0.3}
    assert_array_equal(epoch(flow_from_arrays(x, y, None, part, "validation", SETTINGS))[1], y[:3])
    assert_array_equal(epoch(flow_from_arrays(x, y, None, part, "training", SETTINGS))[1], y[3:])


def test_a_folder_that_is_not_there_or_has_no_pictures_is_an_error(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        flow(folder / "none")
    with pytest.raises(ValueError, match="has no folder 'cows'; it has birds, cats, dogs"):
        flow(folder, classes=np.array(["cows"], dtype=object))
    (tmp_path / "empty" / "class").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"has no pictures \(\.bmp"):
        flow(tmp_path / "empty")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_comes_back_from_its_file(tmp_path, channels):
    path = str(tmp_path / "picture.png")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(np.float32)
    write_picture(pixels, path, "png", False)
    mode = {1: "grayscale", 3: "rgb", 4: "rgba"}[channels]
    assert_array_equal(read_picture(path, mode), pixels)
    write_picture(pixels / 255 - 3, path, "png", True)
    low, high = pixels.min(), pixels.max()
    assert_allclose(read_picture(path, mode), (pixels - low) / (high - low) * 255, atol=0.51)


def test_jpeg_keeps_a_smooth_picture(tmp_path):
    path = str(tmp_path / "picture.jpg")
    smooth = np.add.outer(np.arange(16.0), np.arange(16.0))[..., None] * 8 * np.ones(3)
    write_picture(smooth, path, "jpeg", False)
    assert_allclose(read_picture(path), smooth, atol=6)


def test_what_is_no_picture_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no picture '.*none\.png'"):
        read_picture(str(tmp_path / "none.png"))
    (tmp_path / "words.png").write_text("words")
    with pytest.raises(ValueError, match=r"words\.png' cannot be read as a picture"):
        read_picture(str(tmp_path / "words.png"))


def test_nearest_scaling_repeats_pixels():
    x = np.arange(4.0).reshape(2, 2, 1)
    assert_array_equal(
        resize_picture(x, np.array([4, 4]), "nearest")[..., 0],
        np.kron(x[..., 0], np.ones((2, 2))),
    )
