"""Files that strangers made: each is refused with one error, and nothing else happens."""

import base64
import copy
import functools
import random
import sys

import numpy as np
import pytest
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_cnn.persistence import ArchiveError, load, save

from ._attacks import nothing_happens, paths_of, read_members, write_members, write_object
from ._same import same

N_MUTATIONS = 1000


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.RandomState(0)
    X = np.array([[*rng.randn(2), kind] for kind in "abcabcabca"], dtype=object)
    numbers = make_pipeline(StandardScaler())
    columns = ColumnTransformer([("numbers", numbers, [0, 1]), ("words", OneHotEncoder(), [2])])
    network = MLPClassifier((3,), max_iter=9, tol=1e9, n_iter_no_change=1, random_state=rng)
    return make_pipeline(columns, network).fit(X, np.array(["no", "yes"] * 5))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "archive.zip"


def damage(content, rng):
    """``content`` with one of the things that disks, networks and people do to files."""
    start, end = sorted(rng.choices(range(len(content) + 1), k=2))
    end = min(end, start + rng.choice([1, 2, 8, 64, 4096]))
    other = rng.randrange(len(content))
    return rng.choice(
        [
            lambda: content[:start],
            lambda: content[:start] + content[end:],
            lambda: content[:start] + rng.randbytes(end - start) + content[end:],
            lambda: content[:start] + rng.randbytes(end - start) + content[start:],
            lambda: content[:start] + bytes(end - start) + content[end:],
            lambda: content[:end] + content[start:end] + content[end:],
            lambda: content[:start] + content[other : other + end - start] + content[end:],
            lambda: (
                content[:other]
                + bytes([content[other] ^ 1 << rng.randrange(8)])
                + content[other + 1 :]
            ),
        ]
    )()


def test_of_a_thousand_damaged_files_each_is_refused_or_loads_whole(fitted, path):
    save(fitted, path)
    whole, rng, n_refused = path.read_bytes(), random.Random(0), 0
    for _ in range(N_MUTATIONS):
        damaged = damage(whole, rng)
        path.write_bytes(damaged)
        with nothing_happens():
            try:
                assert same(load(path), fitted)
            except ArchiveError:
                n_refused += damaged != whole
    assert n_refused > N_MUTATIONS / 2


def mutate(manifest, rng, donors):
    """Put another value in one place of a manifest: its check sum will be right."""
    place = rng.choice([place for place in paths_of(manifest) if place])
    *parents, key = place
    parent = functools.reduce(lambda node, name: node[name], parents, manifest)
    action = rng.randrange(4)
    if action == 0:
        del parent[key]
    elif action == 1 and isinstance(parent, dict):
        parent[rng.choice(["kind", "id", "items", "class", "state", "member"])] = parent.pop(key)
    else:
        parent[key] = copy.deepcopy(rng.choice(donors))


@pytest.mark.filterwarnings("ignore")
def test_of_a_thousand_forged_manifests_none_does_anything_but_load_or_be_refused(fitted, path):
    save(fitted, path)
    rng = random.Random(1)
    donors = [None, True, -1, 0, 2**70, 0.5, "", "builtins.eval", "os.system", [], {}]
    donors += [{"kind": kind} for kind in ("object", "array", "keras", "function", "same")]
    donors += [{"kind": "function", "name": "os.system"}, {"kind": "same", "id": 0}]
    for _ in range(N_MUTATIONS):
        manifest, arrays = read_members(path)
        donors[-1:] = [manifest["object"]]
        for _ in range(rng.randint(1, 3)):
            mutate(manifest, rng, donors)
        forged = path.with_name("forged.zip")
        write_members(forged, manifest, arrays)
        with nothing_happens():
            try:
                load(forged)
            except ArchiveError:
                continue


DANGEROUS = [
    "os.system",
    "posix.system",
    "nt.system",
    "builtins.eval",
    "builtins.exec",
    "builtins.__import__",
    "builtins.open",
    "subprocess.Popen",
    "subprocess.call",
    "pickle.loads",
    "marshal.loads",
    "importlib.import_module",
    "ctypes.CDLL",
    "numpy.f2py.os.system",
    "numpy.load",
    "numpy.save",
    "numpy.fromfile",
    "numpy.memmap",
    "numpy.DataSource",
    "numpy.testing.runstring",
    "numpy.lib.format.open_memmap",
    "scipy.special.os",
    "scipy.io.savemat",
    "joblib.load",
    "sklearn.os.system",
    "sklearn.show_versions",
    "sklearn.clone",
    "sklearn.datasets.clear_data_home",
    "sklearn.datasets.fetch_openml",
    "sklearn.datasets.load_files",
    "sklearn.externals._arff.load",
    "sklearn.tree.export_graphviz",
    "sklearn.utils._testing.assert_run_python_script_without_output",
    "sklearn.utils.Parallel",
    "sklearn.conftest.pytest_runtest_setup",
    "sklearn.svm.tests.test_svm.test_libsvm_parameters",
    "sklearn.pipeline.joblib.load",
    "sklearn.pipeline.check_memory",
    "sklearn.preprocessing._data.warnings",
    "sklearn.metrics.warnings",
    "sklearn.metrics.pairwise.check_array",
    "sklearn.metrics.pairwise._parallel_pairwise",
    "sklearn.metrics..os.system",
    "sklearn.metrics",
    "sklearn_cnn.load",
    "sklearn_cnn.save",
    "sklearn_cnn.persistence.save",
    "sklearn_cnn.persistence._store.save",
    "sklearn_cnn.datasets.load_mnist",
    "sklearn_cnn.architectures.keras_activation",
    "sklearn_cnn.architectures.register",
    "sklearn_cnn.families._register",
    "sklearn_cnn.training.train",
    "sklearn_cnn.enable_compilation_cache",
    "sklearn_cnn.backends._start.os",
    "sklearn_cnn.compat.seeded_keras",
    "keras.utils.get_file",
    "antigravity.geohash",
    "this.d",
    ".system",
    "system",
    "",
    "os.",
    "os.path.join",
    "<lambda>",
    "numpy.log1p.__reduce__",
    "numpy.ufunc",
    "numpy.__dict__",
    "numpy.vectorize",
    "numpy.frompyfunc",
]
NAMED = {
    "function": {"kind": "function"},
    "type": {"kind": "type"},
    "object": {"kind": "object", "state": {}},
    "record": {"kind": "record", "fields": {}},
    "enumeration": {"kind": "enumeration", "member": "a"},
    "compiled": {"kind": "compiled", "arguments": []},
    "keras name": {"kind": "keras name"},
}


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("name", DANGEROUS)
def test_a_name_that_is_not_vouched_for_is_refused(path, kind, name):
    field = "name" if "name" in kind or kind in ("function", "type") else "class"
    write_object(path, {**NAMED[kind], field: name})
    before = set(sys.modules)
    if kind == "keras name":
        # Its import is not under watch: TensorFlow looks at much of the system.
        import keras  # noqa: F401
    with nothing_happens(), pytest.raises(ArchiveError):
        load(path)
    assert not {"antigravity", "this", "sklearn.conftest"} & (set(sys.modules) - before)


@pytest.mark.parametrize(
    ("cls", "state"),
    [
        ("sklearn.pipeline.Pipeline", {"fit": "text"}),
        ("sklearn.pipeline.Pipeline", {"__class__": "text"}),
        ("sklearn.pipeline.Pipeline", {"__reduce__": {"kind": "function", "name": "numpy.log"}}),
        ("sklearn.linear_model.Ridge", {"predict": {"kind": "function", "name": "numpy.log"}}),
        ("sklearn.neighbors.KDTree", {"__setstate__": []}),
        ("sklearn.neighbors._kd_tree.KDTree", {}),
        ("sklearn.tree._tree.Tree", {}),
        ("sklearn.metrics._dist_metrics.DistanceMetric64", {}),
        ("sklearn.callback.ScoringMonitor", {"_log": []}),
        ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", {}),
        ("sklearn.utils.Bunch", {"fit": 1}),
        ("sklearn.isotonic.IsotonicRegression", {"X_thresholds_": 1, "y_thresholds_": 2}),
        ("sklearn.model_selection.train_test_split", {}),
        ("sklearn.base.BaseEstimator", {}),
        ("sklearn.preprocessing.StandardScaler", {"scale_": {"kind": "same", "id": 7}}),
    ],
    ids=lambda value: str(value)[:50],
)
def test_no_method_of_scikit_learn_meets_a_forged_state(path, cls, state):
    write_object(path, {"kind": "object", "class": cls, "state": state})
    with nothing_happens(), pytest.raises(ArchiveError):
        load(path)


def nested(depth):
    node = 0
    for _ in range(depth):
        node = {"kind": "tuple", "items": [node]}
    return node


def array(dtype, *values):
    content = np.array(values, dtype=dtype)
    node = {"kind": "array", "member": 0, "dtype": dtype, "shape": [len(values)], "order": "C"}
    return node, content.tobytes()


@pytest.mark.parametrize(
    "node",
    [
        {"kind": "mapping", "keys": [1, 1], "values": [1, 2]},
        {"kind": "mapping", "keys": [1], "values": []},
        {"kind": "mapping", "keys": [{"kind": "list", "items": []}], "values": [1]},
        {"kind": "set", "items": [1, True]},
        {"kind": "set", "items": [{"kind": "set", "items": []}]},
        {"kind": "float", "value": "1e400"},
        {"kind": "float", "value": "__import__('os')"},
        {"kind": "int", "value": "os"},
        {"kind": "complex", "real": "1", "imag": 2.0},
        {"kind": "bytes", "value": "not base64!"},
        {"kind": "slice", "items": [1, 2, 3, 4]},
        {"kind": "range", "items": [0, "9"]},
        {"kind": "partial", "function": 1, "arguments": 2, "keywords": 3},
        {
            "kind": "partial",
            "function": {"kind": "type", "name": "int"},
            "arguments": {"kind": "tuple", "items": []},
            "keywords": {"kind": "list", "items": [1]},
        },
        {"kind": "object array", "shape": [2], "items": [1]},
        {"kind": "object array", "shape": [-1], "items": [1]},
        {"kind": "object array", "shape": [10**18, 0], "items": [1]},
        {"kind": "masked array", "data": 1, "mask": 2, "fill_value": 3},
        {"kind": "scalar", "dtype": "<f8", "value": "1"},
        {"kind": "scalar", "dtype": "O", "value": 1},
        {"kind": "scalar", "dtype": "|i1", "value": 300},
        {"kind": "scalar", "dtype": "<U3", "value": "abc"},
        {"kind": "text", "type": "bytes_", "value": "!"},
        {"kind": "dtype", "dtype": {"names": 1, "formats": 2, "offsets": 3, "itemsize": 4}},
        {"kind": "random state", "type": "RandomState", "state": {"kind": "dict", "items": {}}},
        {"kind": "random state", "type": "RandomState", "state": "MT19937"},
        {"kind": "sparse", "type": "csr_matrix", "shape": [1, 1], "parts": 1},
        {"kind": "sparse", "type": "os", "shape": [1, 1], "parts": 1},
        {"kind": "spline", "t": 1, "c": 2, "k": 3, "extrapolate": "os", "axis": 0},
        {"kind": "distribution", "name": "os", "arguments": 1, "keywords": 2},
        {"kind": "distribution", "name": "rv_frozen", "arguments": 1, "keywords": 2},
        {"kind": "distribution", "name": "norm", "arguments": 1, "keywords": 2},
        {"kind": "index", "dtype": "object", "values": 1, "name": None},
        {"kind": "index", "dtype": None, "values": [1], "name": None},
        {"kind": "missing", "name": "Timestamp"},
        {"kind": "bunch", "items": 1},
        {"kind": "compiled", "class": "sklearn._loss._loss.CyPinballLoss", "arguments": ["a"]},
        {"kind": "compiled", "class": "sklearn._loss._loss.CyHuberLoss", "arguments": []},
        {"kind": "same", "id": 0},
        {"kind": "same", "id": True},
        {"kind": "list", "id": 0, "items": [{"kind": "list", "id": 0, "items": []}]},
        {"kind": "tuple", "id": 0, "items": [{"kind": "same", "id": 0}]},
        {"kind": "list", "items": {}},
        {"kind": "list"},
        {"items": []},
        nested(101),
        [1],
    ],
    ids=lambda node: str(node)[:60],
)
def test_a_malformed_value_is_refused(path, node):
    write_object(path, node)
    with nothing_happens(), pytest.raises(ArchiveError):
        load(path)


@pytest.mark.parametrize("name", ["MT19937", "Philox"])
@pytest.mark.parametrize("position", [-1, 625, 2**31 - 1, 1.0, True])
def test_a_position_outside_a_generators_buffer_is_refused(path, name, position):
    """NumPy would read random numbers from whatever lies behind the buffer."""
    save(np.random.Generator(getattr(np.random, name)(0)), path)
    manifest, arrays = read_members(path)
    state = manifest["object"]["state"]["items"]
    key = "pos" if name == "MT19937" else "buffer_pos"
    (state["state"]["items"] if key == "pos" else state)[key] = position
    write_members(path, manifest, arrays)
    with pytest.raises(ArchiveError, match="has the position"):
        load(path)


def test_a_sparse_matrix_with_a_list_for_every_row_is_refused(path):
    parts = {"kind": "tuple", "items": []}
    write_object(
        path, {"kind": "sparse", "type": "lil_matrix", "shape": [2**40, 1], "parts": parts}
    )
    with pytest.raises(ArchiveError, match="lil_matrix"):
        load(path)


@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize(
    ("indices", "indptr"),
    [([9], [0, 1]), ([-1], [0, 1]), ([0], [0, 9]), ([0], [1, 1]), ([0], [0, 1, 1]), ([0], [0])],
)
def test_sparse_indices_outside_the_matrix_are_refused(path, kind, indices, indptr):
    """SciPy's compiled code would read and write outside its arrays."""
    nodes, contents = [], []
    for number, (dtype, values) in enumerate([("<f8", [1.0]), ("<i4", indices), ("<i4", indptr)]):
        node, content = array(dtype, *values)
        nodes.append({**node, "member": number})
        contents.append(content)
    parts = {"kind": "tuple", "items": nodes}
    write_object(
        path,
        {"kind": "sparse", "type": f"{kind}_matrix", "shape": [1, 1], "parts": parts},
        *contents,
    )
    with pytest.raises(ArchiveError):
        load(path)


def test_a_reference_within_references_does_not_multiply(path):
    """A billion laughs: thirty lists, each twice the one before, are thirty lists in memory."""
    lists = [{"kind": "list", "id": 0, "items": ["ha"]}]
    for number in range(1, 30):
        twice = [{"kind": "same", "id": number - 1}] * 2
        lists.append({"kind": "list", "id": number, "items": twice})
    write_object(path, {"kind": "list", "items": lists})
    laughs = load(path)
    assert all(inner[0] is inner[1] for inner in laughs[1:])


def test_a_trusted_name_does_not_open_its_module(path):
    write_object(path, {"kind": "function", "name": "posixpath.os.system"})
    with nothing_happens(), pytest.raises(ArchiveError):
        load(path, trusted=[base64.b64decode, np.load])


def test_another_release_of_scikit_learn_is_a_warning_for_each_kind_of_estimator(fitted, path):
    save(fitted, path)
    manifest, arrays = read_members(path)
    manifest["versions"]["scikit-learn"] = "1.0"
    write_members(path, manifest, arrays)
    with pytest.warns(InconsistentVersionWarning) as caught:
        load(path)
    assert [warning.message.estimator_name for warning in caught] == [
        "Pipeline",
        "ColumnTransformer",
        "StandardScaler",
        "OneHotEncoder",
        "MLPClassifier",
        "LabelBinarizer",
    ]
    assert caught[0].message.original_sklearn_version == "1.0"
    assert caught[0].message.current_sklearn_version == sklearn.__version__
