"""The house: who may import whom, who may use private names, who may know a backend.

Imports are read from the source, those inside functions and type-checking blocks included.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import sklearn_cnn

ROOT = Path(__file__).parents[1]

# From the ground up: a room may import rooms of lower floors, and those of its own floor as long
# as no circle arises.
FLOORS = [
    {"encoding", "families"},
    {"architectures", "backends"},
    {"prediction", "training"},
    {"estimators", "parallel", "persistence", "plots", "stats"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# These stand beside the house: anyone may import the first two, and none of them imports anything
# of ours.
FOR_ALL = {"compat", "_warnings"}
BESIDE = FOR_ALL | {"datasets", "_versions"}

# The modules of the house, without the package's name, that may import a library.
ONLY_IN = {
    "tensorflow": {"backends.tensorflow"},
    "torch": {"backends.torch"},
    "jax": {"backends.jax"},
    "joblib": {"parallel", "compat"},
    "rpy2": set(),
    "r_bridge": set(),
}
PRIVATE_MATTERS = {"jax", "joblib", "keras", "numpy", "scipy", "sklearn", "tensorflow"}


class Import(NamedTuple):
    """What one line imports or reaches: a dotted name."""

    line: int
    target: str
    relative: bool = False


def complaints(root: Path) -> list[str]:
    """All that is against the rules in the packages below `root`."""
    found, uses = [], {}
    for path in sorted((root / "sklearn_cnn").rglob("*.py")):
        module = dotted(path, root)
        if module != "sklearn_cnn":
            found += [f"{module}:{line}: {what}" for line, what in of_module(path, root)]
            uses.setdefault(room_of(module), set()).update(rooms_used(path, root))
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        found.append("rooms in a circle: " + " <- ".join(error.args[1]))
    for path in sorted((root / "r_bridge").rglob("*.py")):
        found += [f"{dotted(path, root)}:{line}: {what}" for line, what in of_bridge(path, root)]
    return found


def dotted(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(target: str) -> str | None:
    """The room that a dotted name of ours lies in; None for the package itself."""
    parts = target.split(".")
    if len(parts) == 1 or parts[1] == "__version__":
        return None
    return sklearn_cnn._MODULE_OF.get(parts[1], parts[1]).split(".")[0]


def rooms_used(path: Path, root: Path) -> set[str]:
    """The rooms that a module imports, but for its own and compat."""
    own = room_of(dotted(path, root))
    targets = [target for _, target, _ in imports(path, root) if target.startswith("sklearn_cnn.")]
    return {room for target in targets if (room := room_of(target))} - {own, *FOR_ALL}


def of_module(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    module = dotted(path, root)
    own = room_of(module)
    if own not in FLOOR_OF and own not in BESIDE:
        yield 1, f"the room {own!r} has no floor"
        return
    for line, target, relative in imports(path, root):
        library = target.split(".")[0]
        if library == "sklearn_cnn":
            if what := against_direction(own, target, relative):
                yield line, what
        elif library in ONLY_IN and not module_is_in(module, ONLY_IN[library]):
            yield line, f"{library} is imported"
    for line, target in names_used(path, root):
        if own != "compat" and is_private(target):
            yield line, f"{target} is private: compat.py's business"
        if own not in ("backends", "_versions") and target in (
            "keras.config.backend",
            "keras.backend.backend",
            "KERAS_BACKEND",
        ):
            yield line, "it asks which backend runs"


def module_is_in(module: str, allowed: set[str]) -> bool:
    inside = module.removeprefix("sklearn_cnn.")
    return any(inside == name or inside.startswith(f"{name}.") for name in allowed)


def against_direction(own: str, target: str, relative: bool) -> str | None:
    room = room_of(target)
    if room is None:
        return None if target == "sklearn_cnn.__version__" else "the whole package is imported"
    if room == own:
        return None if relative else f"{target} is of the same room: import it relatively"
    if relative:
        return f"{target} is of another room: import it absolutely"
    if room in FOR_ALL:
        return None
    if own in BESIDE or room in BESIDE or FLOOR_OF.get(room, len(FLOORS)) > FLOOR_OF[own]:
        return f"{own} imports {room}"
    return None


def is_private(target: str) -> bool:
    library, *names = target.split(".")
    if library not in PRIVATE_MATTERS:
        return False
    private = any(name.startswith("_") and not name.startswith("__") for name in names)
    return private or (library == "keras" and names[:1] == ["src"])


def of_bridge(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    for line, target in names_used(path, root):
        package, *names = target.split(".")
        public = not names or names[0] in {*sklearn_cnn.__all__, "__version__", "__all__"}
        if package == "sklearn_cnn" and not public:
            yield line, f"{target} is not public"


def imports(path: Path, root: Path) -> Iterator[Import]:
    """All imports of a module, relative ones resolved; ``from a import b`` is ``a.b``."""
    module = dotted(path, root).split(".")
    package = module if path.name == "__init__.py" else module[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(node.lineno, name.name)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            for name in node.names:
                yield Import(node.lineno, f"{base}.{name.name}", relative=node.level > 0)


def names_used(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Imports, attributes of imported modules, and the variable that chooses a backend."""
    tree = ast.parse(path.read_text())
    meaning = {}
    for line, target, _ in imports(path, root):
        yield line, target
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                first = name.name.split(".")[0]
                meaning[name.asname or first] = name.name if name.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                meaning[name.asname or name.name] = f"{node.module}.{name.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (chain := attribute_chain(node)):
            first, *rest = chain
            if first in meaning:
                yield node.lineno, ".".join([meaning[first], *rest])
        elif isinstance(node, ast.Constant) and node.value == "KERAS_BACKEND":
            yield node.lineno, node.value


def attribute_chain(node: ast.expr) -> list[str]:
    """``a.b.c`` as a list of names; empty where it does not begin with a name."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def test_the_house_is_in_order():
    assert complaints(ROOT) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("families.py", "from sklearn_cnn.training import train", "families imports training"),
        ("encoding/x.py", "def f():\n    from sklearn_cnn import backends", "imports backends"),
        ("backends/x.py", "import sklearn_cnn.estimators.mlp", "backends imports estimators"),
        ("training/x.py", "from sklearn_cnn import MLPRegressor", "training imports estimators"),
        ("training/x.py", "import sklearn_cnn", "the whole package is imported"),
        ("compat.py", "from sklearn_cnn.families import gaussian", "compat imports families"),
        ("datasets/x.py", "from sklearn_cnn.encoding import f", "datasets imports encoding"),
        ("plots/x.py", "from sklearn_cnn.datasets import f", "plots imports datasets"),
        ("plots/x.py", "from ..training import train", "import it absolutely"),
        ("plots/x.py", "from sklearn_cnn.plots.y import f", "import it relatively"),
        ("helpers/x.py", "", "the room 'helpers' has no floor"),
        ("training/x.py", "import tensorflow as tf", "tensorflow is imported"),
        ("compat.py", "import tensorflow.keras", "tensorflow is imported"),
        ("backends/jax.py", "import tensorflow", "tensorflow is imported"),
        ("backends/tensorflow.py", "from jax import numpy", "jax is imported"),
        ("training/x.py", "import joblib", "joblib is imported"),
        ("plots/x.py", "from r_bridge import f", "r_bridge is imported"),
        ("plots/x.py", "from sklearn.base import _fit_context", "is private"),
        ("plots/x.py", "from sklearn.utils._tags import f", "is private"),
        ("plots/x.py", "from keras.src.x import f", "is private"),
        ("plots/x.py", "import keras\nkeras.src.backend.f()", "keras.src.backend.f is private"),
        ("plots/x.py", "from keras import ops as o\no._f", "keras.ops._f is private"),
        ("parallel.py", "from joblib import _dask", "joblib._dask is private"),
        ("plots/x.py", "import keras\nkeras.config.backend()", "it asks which backend runs"),
        ("plots/x.py", "os.environ['KERAS_BACKEND']", "it asks which backend runs"),
        ("../r_bridge/x.py", "from sklearn_cnn.training import train", "is not public"),
        ("../r_bridge/x.py", "import sklearn_cnn\nsklearn_cnn._versions", "is not public"),
    ],
)
def test_a_breach_is_found(path, source, complaint, tmp_path):
    write(tmp_path, {path: source})
    assert complaint in "\n".join(complaints(tmp_path))


def test_a_circle_of_rooms_is_found(tmp_path):
    sources = {
        "plots/x.py": "from sklearn_cnn.stats import f",
        "stats/x.py": "from sklearn_cnn.estimators import f",
        "estimators/x.py": "from sklearn_cnn.plots import f",
    }
    write(tmp_path, sources)
    (found,) = complaints(tmp_path)
    assert found.startswith("rooms in a circle")
    write(tmp_path, {"estimators/x.py": ""})
    assert complaints(tmp_path) == []


def test_what_is_allowed_is_not_complained_of(tmp_path):
    write(
        tmp_path,
        {
            "__init__.py": "from .estimators.mlp import MLPClassifier",
            "compat.py": "from sklearn.base import _fit_context\nfrom keras.src import f",
            "families.py": "import numpy as np\nnp.__version__\nfrom sklearn_cnn import compat",
            "backends/tensorflow.py": "import tensorflow as tf\nfrom ._interface import f",
            "backends/jax.py": "import jax.numpy",
            "backends/__init__.py": "import keras\nkeras.config.backend()",
            "training/steps/x.py": "from ..plan import Plan\nfrom sklearn_cnn import backends",
            "estimators/mlp.py": "from sklearn_cnn.plots.x import f\nself._private.f()",
            "plots/x.py": "from sklearn_cnn import __version__, families",
            "parallel.py": "from joblib.parallel import ThreadingBackend",
            "../r_bridge/x.py": "import sklearn_cnn\nsklearn_cnn.families.gaussian()\n"
            "from sklearn_cnn import MLPClassifier, datasets\nfrom ._y import f",
        },
    )
    assert complaints(tmp_path) == []


def write(root, sources):
    for path, source in sources.items():
        file = root / "sklearn_cnn" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
