"""The data sets that are known: their files, their classes, where they come from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._formats import read_idx, read_npz, read_pickled_batch, read_records


@dataclass(frozen=True, eq=False)
class DataSet:
    """What is known of a data set before a file of it has been seen."""

    title: str
    folders: Sequence[str]
    bare: bool  # whether the names of its files are enough to know it, without such a folder
    wanted: dict[str, str]  # what the error asks for, for each part
    target_names: NDArray[Any]
    description: str


@dataclass(frozen=True, eq=False)
class Mnist(DataSet):
    """A pair of idx files for each part, or one npz file for both."""

    npz: str

    one_file_holds_both_parts = True

    def find(self, place: Path, part: str) -> list[Path]:
        prefix = {"train": "train", "test": "t10k"}[part]
        pair = []
        for kind in ("images-idx3", "labels-idx1"):
            names = [f"{prefix}-{kind}-ubyte", f"{prefix}-{kind.replace('-', '.')}-ubyte"]
            spellings = [place / f"{name}{ending}" for name in names for ending in (".gz", "")]
            pair += [file for file in spellings if file.is_file()][:1]
        if len(pair) == 2:
            return pair
        return [file] if (file := place / self.npz).is_file() else []

    def read(self, files: list[Path], part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        if len(files) == 2:
            images, labels = read_idx(files[0], 3), read_idx(files[1], 1)
        else:
            images, labels = read_npz(files[0], part)
        if images.shape[1:] != (28, 28):
            size = " by ".join(map(str, images.shape[1:]))
            raise ValueError(f"'{files[0]}' has pictures of {size}; {self.title}'s are 28 by 28.")
        return images, _checked_labels(labels, files[-1], len(images), self)


@dataclass(frozen=True, eq=False)
class Cifar(DataSet):
    """Batches, pickled or as binary records; the labels that are wanted are one of several."""

    batches: dict[str, Sequence[str]]
    label_key: str
    label_place: int
    n_labels: int

    one_file_holds_both_parts = False

    def find(self, place: Path, part: str) -> list[Path]:
        for ending in ("", ".bin"):
            files = [place / f"{name}{ending}" for name in self.batches[part]]
            if present := [file for file in files if file.is_file()]:
                return present
        return []

    def read(self, files: list[Path], part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        batches = [self._read_batch(file) for file in files]
        pixels = np.concatenate([pixels for pixels, _ in batches])
        # Stored plane by plane: all of red, all of green, all of blue.
        images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(images), np.concatenate([labels for _, labels in batches])

    def _read_batch(self, file: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        if file.suffix == ".bin":
            labels, pixels = read_records(file, self.n_labels)
            labels = labels[:, self.label_place]
        else:
            labels, pixels = read_pickled_batch(file, self.label_key)
        return pixels, _checked_labels(labels, file, len(pixels), self)


def _checked_labels(
    labels: NDArray[Any], file: Path, n_images: int, data_set: DataSet
) -> NDArray[np.int64]:
    n_classes = len(data_set.target_names)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) != n_images:
        raise ValueError(
            f"'{file}' has labels of shape {labels.shape} and dtype {labels.dtype} for {n_images} "
            "pictures; one integer for each picture is expected."
        )
    if wrong := sorted({int(label) for label in labels if not 0 <= label < n_classes}):
        raise ValueError(
            f"'{file}' has the label {wrong[0]}; those of {data_set.title} go from 0 to "
            f"{n_classes - 1}."
        )
    return labels.astype(np.int64)


_IDX = "{0}-images-idx3-ubyte.gz and {0}-labels-idx1-ubyte.gz (gzipped or not), or {1}"

MNIST = Mnist(
    title="MNIST",
    folders=("mnist",),
    bare=True,
    npz="mnist.npz",
    wanted={
        "train": _IDX.format("train", "mnist.npz"),
        "test": _IDX.format("t10k", "mnist.npz"),
    },
    target_names=np.arange(10),
    description="""\
MNIST: handwritten digits
70,000 grey pictures of 28 by 28, centred by mass, white (255) on black (0); the first 60,000 are
for training, the last 10,000 for testing.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86 (1998), 2278-2324.
""",
)

FASHION_MNIST = Mnist(
    title="Fashion-MNIST",
    # Its files have MNIST's names: without a folder of their own they would be taken for MNIST.
    folders=("fashion-mnist", "fashion_mnist", "fashion"),
    bare=False,
    npz="fashion-mnist.npz",
    wanted={
        "train": _IDX.format("train", "fashion-mnist.npz"),
        "test": _IDX.format("t10k", "fashion-mnist.npz"),
    },
    target_names=np.array(
        "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",")
    ),
    description="""\
Fashion-MNIST: articles of clothing
70,000 grey pictures of 28 by 28, white (255) on black (0); the first 60,000 are for training, the
last 10,000 for testing. Made to take MNIST's place where MNIST has become too easy.

H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", arXiv:1708.07747 (2017).
""",
)

_KRIZHEVSKY = """
A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", technical report,
University of Toronto (2009).
"""

CIFAR10 = Cifar(
    title="CIFAR-10",
    folders=(
        "cifar-10-batches-py",
        "cifar-10-batches-py-target/cifar-10-batches-py",
        "cifar-10-batches-bin",
    ),
    bare=True,
    batches={"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]},
    label_key="labels",
    label_place=0,
    n_labels=1,
    wanted={
        "train": "data_batch_1 to data_batch_5 (or data_batch_1.bin ...)",
        "test": "test_batch (or test_batch.bin)",
    },
    target_names=np.array("airplane automobile bird cat deer dog frog horse ship truck".split()),
    description=f"""\
CIFAR-10: small colour photographs
60,000 pictures of 32 by 32 in red, green and blue, 6,000 of each of ten classes; 50,000 in five
batches are for training, 10,000 for testing.
{_KRIZHEVSKY}""",
)

CIFAR100_FINE = Cifar(
    title="CIFAR-100",
    folders=(
        "cifar-100-python",
        "cifar-100-python-target/cifar-100-python",
        "cifar-100-binary",
    ),
    bare=False,
    batches={"train": ["train"], "test": ["test"]},
    label_key="fine_labels",
    label_place=1,
    n_labels=2,
    wanted={"train": "train (or train.bin)", "test": "test (or test.bin)"},
    target_names=np.array(
        """
        apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
        butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
        crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house
        kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
        mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
        plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew
        skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank
        telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf
        woman worm
        """.split()
    ),
    description=f"""\
CIFAR-100: small colour photographs
60,000 pictures of 32 by 32 in red, green and blue, 600 of each of 100 classes, which form 20
groups of five; 50,000 are for training, 10,000 for testing.
{_KRIZHEVSKY}""",
)

CIFAR100_COARSE = replace(
    CIFAR100_FINE,
    label_key="coarse_labels",
    label_place=0,
    target_names=np.array(
        """
        aquatic_mammals fish flowers food_containers fruit_and_vegetables
        household_electrical_devices household_furniture insects large_carnivores
        large_man-made_outdoor_things large_natural_outdoor_scenes
        large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people reptiles
        small_mammals trees vehicles_1 vehicles_2
        """.split()
    ),
)
