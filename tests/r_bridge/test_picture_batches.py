"""Folders of pictures are read as Keras reads them, and files of a table like folders."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from r_bridge._keras_objects import kept
from r_bridge._picture_batches import (
    changed_batch,
    dataset_from_directory,
    finished_batch,
    flow_from_arrays,
    flow_from_directory,
    flow_from_table,
)
from r_bridge._pictures import read_picture, write_picture
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


def table(folder, about, class_mode="categorical", values=None, generator=None, **more):
    arguments = {
        "paths": np.array(about["filepaths"], dtype=object),
        "names": None if values is not None else about["class_names"],
        "numbers": about["classes"],
        "subset": None,
    } | more
    return flow_from_table(
        str(folder),
        values=values,
        generator=generator or {},
        class_mode=class_mode,
        pictures=READ,
        settings=SETTINGS,
        **arguments,
    )


@pytest.mark.parametrize("class_mode", ["categorical", "sparse", "input", None])
def test_files_of_a_table_are_like_those_of_folders(folder, class_mode):
    reply = flow(folder, class_mode, generator={"rescale": 0.5})
    ours = table(folder, reply["about"], class_mode, generator={"rescale": 0.5})
    for one, other in zip(epoch(ours), epoch(reply), strict=True):
        assert_array_equal(one, other)
    for name in ("filenames", "filepaths", "class_names", "classes", "image_shape", "n"):
        assert_array_equal(ours["about"][name], reply["about"][name])


def test_values_of_a_table_go_with_their_files(folder):
    about = flow(folder)["about"]
    values = np.arange(32.0).reshape(16, 2)
    ours = table(folder, about, "raw", values)
    assert_array_equal(epoch(ours)[1], values)
    assert ours["about"]["class_names"] is None
    part = {"validation_split": 0.25}
    held_out = table(folder, about, "raw", values, part, subset="validation")
    assert_array_equal(epoch(held_out)[1], values[:4])
    with pytest.raises(ValueError, match='class_mode = "binary" needs two classes, but the table'):
        table(folder, about, "binary")


def test_pictures_are_saved_as_they_come_into_batches(folder, tmp_path):
    saved = {"directory": str(tmp_path / "seen"), "prefix": "my", "format": "png"}
    (tmp_path / "seen").mkdir()
    reply = flow(folder, generator={"horizontal_flip": True, "rescale": 0.1}, saved=saved)
    x, _ = kept(reply["key"]).batch(1)
    names = sorted((tmp_path / "seen").iterdir())
    assert [path.name.split("_")[:2] for path in names] == [["my", str(row)] for row in range(4, 8)]
    for picture, path in zip(x, names, strict=True):
        stretched = (picture - picture.min()) / (picture.max() - picture.min()) * 255
        assert_allclose(read_picture(str(path)), stretched, atol=0.51)
    kept(reply["key"]).batch(1)
    assert len(list((tmp_path / "seen").iterdir())) == 4  # the same names for the same changes


def test_a_batch_in_two_steps_is_the_batch(folder):
    generator = {"rotation_range": 90.0, "samplewise_center": True, "rescale": 0.1}
    for class_mode in ("categorical", "input"):
        key = flow(folder, class_mode, generator=generator)["key"]
        whole = kept(key).batch(2, 7)
        x = changed_batch(key, 2.0, 7.0)
        assert not np.array_equal(x, whole[0])
        for one, other in zip(finished_batch(key, x, 2.0, 7.0), whole, strict=True):
            assert_array_equal(one, other)
