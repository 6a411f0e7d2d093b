"""Pictures are moved where a matrix says, and standardised as Keras's own generator does it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from r_bridge._augmentation import Augmentation, statistics_of_pictures


@pytest.fixture
def pictures():
    return np.random.default_rng(0).uniform(0, 255, (6, 9, 7, 3)).astype(np.float32)


def keras_generator(**settings):
    """Keras's own, a legacy that TensorFlow still shows."""
    tf = pytest.importorskip("tensorflow")
    return tf.keras.preprocessing.image.ImageDataGenerator(**settings)


def changed(pictures, seed=0, **settings):
    return Augmentation(settings).changed(pictures, np.random.default_rng(seed))


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "constant"])
def test_shifts_by_whole_pixels_move_rows_and_columns(pictures, fill_mode):
    """The direction is drawn; the height is that of rows."""
    settings = {"fill_mode": fill_mode, "cval": 7.0}
    oracle = {
        (axis, shift): ndimage.shift(
            pictures,
            np.eye(4)[axis] * shift,
            order=1,
            mode="grid-constant" if fill_mode == "constant" else fill_mode,
            cval=7,
        )
        for axis in (1, 2)
        for shift in (-2, 2)
    }
    for axis, name in ((1, "height_shift_range"), (2, "width_shift_range")):
        moved = changed(pictures, **{name: np.array([2.0])}, **settings)
        for row, picture in enumerate(moved):
            distances = [np.abs(picture - oracle[axis, s][row]).max() for s in (-2, 2)]
            assert min(distances) < 1e-3


@pytest.mark.parametrize(
    "settings",
    [
        {"rotation_range": 40.0},
        {"shear_range": 20.0},
        {"zoom_range": 0.3},
        {"rotation_range": 30.0, "width_shift_range": 0.2, "zoom_range": 0.1, "shear_range": 9.0},
    ],
)
def test_pictures_are_moved_as_scipy_moves_them(pictures, settings):
    augmentation = Augmentation(settings)
    matrices = augmentation._matrices(6, 9, 7, np.random.default_rng(3))
    moved = augmentation.changed(pictures, np.random.default_rng(3))
    assert np.abs(moved - pictures).max() > 20
    for picture, matrix, found in zip(pictures, matrices, moved, strict=True):
        # x counts columns, SciPy's first axis rows.
        matrix = matrix[np.ix_([1, 0, 2], [1, 0, 2])]
        for channel in range(3):
            oracle = ndimage.affine_transform(
                picture[..., channel], matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest"
            )
            assert_allclose(found[..., channel], oracle, atol=0.05)


def test_a_quarter_turn_turns_a_square_picture():
    square = np.random.default_rng(1).uniform(0, 255, (1, 8, 8, 1)).astype(np.float32)

    class Always(Augmentation):
        def _spread(self, name, n, rng):
            return np.full(n, 90.0 if name == "rotation_range" else 0.0)

    moved = Always({}).changed(square, np.random.default_rng(0))
    assert_allclose(moved[0], np.rot90(square[0]), atol=1e-2)


def test_geometry_is_that_of_keras_on_square_pictures():
    """Keras exchanges height and width of shifts."""
    square = np.random.default_rng(2).uniform(0, 255, (1, 8, 8, 1)).astype(np.float32)
    theta, across, down, shear, zoom = 25.0, 1.5, -0.5, 10.0, (0.9, 1.2)

    class Fixed(Augmentation):
        def _spread(self, name, n, rng):
            return np.full(n, {"rotation_range": theta, "shear_range": shear}[name])

        def _shift(self, name, size, n, rng):
            return np.full(n, across if name == "width_shift_range" else down)

    class Draws:
        def uniform(self, low, high, size):
            return np.array(zoom)[:, None]

    moved = Fixed({"zoom_range": 0.5}).changed(square, Draws())
    parameters = {"theta": theta, "tx": across, "ty": down, "shear": shear}
    oracle = keras_generator().apply_transform(
        square[0], parameters | {"zx": zoom[0], "zy": zoom[1]}
    )
    assert_allclose(moved[0], oracle, atol=0.05)


def test_flips_mirror_one_half_of_the_pictures():
    many = np.random.default_rng(0).uniform(0, 255, (400, 2, 3, 1)).astype(np.float32)
    flipped = changed(many, horizontal_flip=True)
    mirrored = (flipped == many[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (flipped == many).all(axis=(1, 2, 3))
    assert (mirrored | same).all()
    assert 150 < mirrored.sum() < 250
    upside_down = (changed(many, vertical_flip=True) == many[:, ::-1]).all(axis=(1, 2, 3))
    assert 150 < upside_down.sum() < 250


def test_colours_stay_within_bounds(pictures):
    moved = changed(pictures, channel_shift_range=60.0)
    assert_allclose(moved.min(axis=(1, 2, 3)), pictures.min(axis=(1, 2, 3)), atol=61)
    assert (moved.max(axis=(1, 2, 3)) <= pictures.max(axis=(1, 2, 3))).all()
    assert np.abs(moved - pictures).max() > 20
    brighter = changed(pictures, brightness_range=np.array([1.5, 2.0]))
    assert (brighter >= pictures).all()
    assert brighter.max() == 255


def test_the_same_stream_changes_pictures_in_the_same_way(pictures):
    settings = {"rotation_range": 40.0, "zoom_range": 0.2, "horizontal_flip": True}
    assert_array_equal(changed(pictures, 5, **settings), changed(pictures, 5, **settings))
    assert not np.array_equal(changed(pictures, 5, **settings), changed(pictures, 6, **settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"rescale": 1 / 255},
        {"samplewise_center": True, "samplewise_std_normalization": True},
        {"featurewise_center": True, "featurewise_std_normalization": True, "rescale": 0.5},
        {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1e-2},
    ],
)
def test_pictures_are_standardised_as_keras_does_it(pictures, settings):
    found = statistics_of_pictures(settings, pictures, False, 1, 0)
    ours = Augmentation(settings | found)(pictures, np.random.default_rng(0))
    generator = keras_generator(**settings)
    generator.fit(pictures)
    # One picture at a time, as Keras's iterators do it.
    oracle = np.stack([generator.standardize(picture.copy()) for picture in pictures])
    assert_allclose(ours, oracle, rtol=1e-3, atol=1e-3)


def test_statistics_can_be_those_of_changed_pictures(pictures):
    settings = {"featurewise_center": True, "height_shift_range": 0.4, "fill_mode": "constant"}
    plain = statistics_of_pictures(settings, pictures, False, 1, 0)
    darker = statistics_of_pictures(settings, pictures, True, 3, 0)
    assert (darker["mean"] < plain["mean"]).all()
