"""Our own estimators, alone and in pipelines."""

import json
import pickle
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import sklearn_cnn
from sklearn_cnn import families
from sklearn_cnn.persistence import ArchiveError, load, save

from ._attacks import nothing_happens, read_members, write_members, write_object
from ._same import same

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X, y = X[::3], y[::3]
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]
SHORT = {"max_iter": 2, "random_state": 0}

CLASSIFIERS = [
    sklearn_cnn.MLPClassifier((5,), **SHORT),
    sklearn_cnn.MLPClassifier((), solver="lbfgs", **SHORT),
    sklearn_cnn.MLPClassifier((5, 4), early_stopping=True, warm_start=True, **SHORT),
    sklearn_cnn.MLPClassifier((5,), dropout=0.5, batch_normalization=True, l1=0.1, **SHORT),
    sklearn_cnn.MLPClassifier((5,), max_iter=2, random_state=np.random.RandomState(3)),
    sklearn_cnn.MLPClassifier((5,), class_weight={"setosa": 2.0, "virginica": 0.5}, **SHORT),
    sklearn_cnn.MLPClassifier((5,), solver=keras.optimizers.Nadam(0.01), **SHORT),
    sklearn_cnn.MLPClassifier((5,), loss=keras.losses.CategoricalFocalCrossentropy(), **SHORT),
    sklearn_cnn.MLPClassifier((5,), activation=keras.layers.LeakyReLU(0.1), **SHORT),
    sklearn_cnn.MLPClassifier(
        (5,), kernel_initializer={"class_name": "HeNormal", "config": {"seed": 1}}, **SHORT
    ),
    sklearn_cnn.MLPClassifier((5,), metrics=[keras.metrics.AUC()], **SHORT),
    sklearn_cnn.MLPClassifier((5,), activation="selu", dtype="float32", **SHORT),
    sklearn_cnn.MLPClassifier((5,), kernel_initializer=keras.initializers.HeNormal(1), **SHORT),
    sklearn_cnn.MLPClassifier(
        (5,), solver="sgd", learning_rate=keras.optimizers.schedules.CosineDecay(0.1, 9), **SHORT
    ),
    sklearn_cnn.MLPClassifier(
        (5,), callbacks=[keras.callbacks.EarlyStopping("loss")], metrics=["accuracy"], **SHORT
    ),
    sklearn_cnn.CNNClassifier(
        (3,), hidden_layer_sizes=(4,), batch_size=10, input_shape=(2, 2, 1), **SHORT
    ),
]
REGRESSORS = [
    sklearn_cnn.MLPRegressor(hidden_layer_sizes=(5,), **SHORT),
    sklearn_cnn.MLPRegressor("poisson", hidden_layer_sizes=(5,), **SHORT),
    sklearn_cnn.MLPRegressor(families.negative_binomial(theta=2.0), hidden_layer_sizes=(), **SHORT),
    sklearn_cnn.CNNRegressor((3,), hidden_layer_sizes=(4,), batch_size=10, **SHORT),
]
OTHERS = [
    sklearn_cnn.Autoencoder(hidden_layer_sizes=(4,), **SHORT),
    sklearn_cnn.Autoencoder(hidden_layer_sizes=(4,), n_components=3, solver="rmsprop", **SHORT),
]


def fit(estimator):
    is_regressor = isinstance(estimator, sklearn_cnn.MLPRegressor | sklearn_cnn.CNNRegressor)
    return estimator.fit(X, np.round(X @ [1.0, 2.0, 3.0, 4.0]) if is_regressor else NAMES)


def results(estimator):
    """All that a fitted estimator says, but the time that the fit took."""
    methods = ("predict", "predict_proba", "transform")
    said = {name: getattr(estimator, name)(X) for name in methods if hasattr(estimator, name)}
    shown = ("coefs_", "intercepts_", "loss_curve_", "n_iter_", "classes_", "t_", "loss_")
    history = {name: column for name, column in estimator.history_.items() if name != "seconds"}
    shown_values = {name: getattr(estimator, name) for name in shown if hasattr(estimator, name)}
    return {**said, **shown_values, "history_": history}


def name_of(estimator):
    """Short, and without the addresses that a repr shows."""
    changed = [
        name
        for name, default in type(estimator)().get_params().items()
        if repr(estimator.get_params()[name]) != repr(default)
    ]
    return "-".join([type(estimator).__name__, *changed])


@pytest.mark.parametrize("estimator", CLASSIFIERS + REGRESSORS + OTHERS, ids=name_of)
def test_a_fitted_network_says_the_same_as_what_pickle_keeps(there_and_back, estimator):
    fitted = fit(clone(estimator))
    back = there_and_back(fitted)
    assert same(results(back), results(fitted))
    assert same(results(back), results(pickle.loads(pickle.dumps(fitted))))
    assert type(back) is type(fitted)
    assert back.architecture_ == fitted.architecture_
    assert vars(back).keys() == vars(fitted).keys()


@pytest.mark.parametrize("estimator", CLASSIFIERS + REGRESSORS + OTHERS, ids=name_of)
def test_parameters_come_back_such_that_a_clone_fits_the_same(there_and_back, estimator):
    back = there_and_back(estimator)
    assert back.get_params().keys() == estimator.get_params().keys()
    assert same(results(fit(clone(back))), results(fit(clone(estimator))))


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_partial_fits_go_on_as_if_there_had_been_no_file(there_and_back, solver):
    network = sklearn_cnn.MLPClassifier((5,), solver=solver, random_state=1, dropout=0.2)
    network.partial_fit(X, NAMES, classes=np.unique(NAMES))
    back = there_and_back(network)
    for _ in range(3):
        network.partial_fit(X, NAMES)
        back.partial_fit(X, NAMES)
    assert same(results(back), results(network))


def test_method_save_writes_what_load_reads(tmp_path):
    fitted = fit(clone(CLASSIFIERS[0]))
    fitted.save(tmp_path / "network.zip")
    assert_array_equal(sklearn_cnn.load(tmp_path / "network.zip").predict(X), fitted.predict(X))


def test_the_keras_model_of_a_loaded_network_computes_the_same(there_and_back):
    fitted = fit(clone(CLASSIFIERS[0]))
    back = there_and_back(fitted)
    assert_array_equal(*(keras.ops.convert_to_numpy(n.model_(X)) for n in (back, fitted)))
    assert back.model_ is not fitted.model_


def test_an_edit_of_the_weights_of_a_loaded_network_shows_in_its_predictions(there_and_back):
    fitted = fit(clone(CLASSIFIERS[0]))
    back = there_and_back(fitted)
    for network in (fitted, back):
        network.coefs_[0][:] = 1.0
    assert_array_equal(back.predict_proba(X), fitted.predict_proba(X))


def test_a_table_a_search_and_a_target_scaler_around_a_network_come_back(there_and_back):
    table = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(kind=NAMES)
    target = X @ [1.0, 2.0, 3.0, 4.0]
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["a", "b"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ]
    )
    network = TransformedTargetRegressor(
        sklearn_cnn.MLPRegressor(hidden_layer_sizes=(4,), **SHORT), transformer=StandardScaler()
    )
    pipeline = make_pipeline(columns, FunctionTransformer(np.cbrt), network)
    search = GridSearchCV(
        pipeline, {"transformedtargetregressor__regressor__alpha": [0.0, 0.1]}, cv=2
    ).fit(table, target)
    back = there_and_back(search)
    assert_array_equal(back.predict(table), search.predict(table))
    assert same(back.cv_results_, search.cv_results_)
    assert_array_equal(back.best_estimator_.predict(table), search.best_estimator_.predict(table))


def test_a_dense_network_in_a_pipeline_predicts_without_tensorflow(tmp_path):
    path = tmp_path / "pipeline.zip"
    fitted = make_pipeline(StandardScaler(), clone(CLASSIFIERS[0])).fit(X, NAMES)
    save(fitted, path)
    np.save(tmp_path / "rows.npy", X)
    script = f"""
        import sys
        import numpy as np
        import sklearn_cnn
        pipeline = sklearn_cnn.load({str(path)!r})
        X = np.load({str(tmp_path / "rows.npy")!r})
        print(pipeline.predict(X).tolist(), pipeline.predict_proba(X).sum().round(6))
        assert not {{"tensorflow", "keras", "jax"}} & set(sys.modules)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == f"{fitted.predict(X).tolist()} {float(len(X))}"


def made(n_outputs, hidden=3):
    hidden = keras.layers.Dense(hidden, "relu")
    return keras.Sequential([hidden, keras.layers.Dense(n_outputs, "softmax")])


def template(compiled=True):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, "tanh"), Tripling()])
    model.add(keras.layers.Dense(3))
    if compiled:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Lion(0.01), loss, metrics=["accuracy"])
    return model


@keras.saving.register_keras_serializable("tests")
class Tripling(keras.layers.Layer):
    def call(self, inputs):
        return 3 * inputs


class Unregistered(keras.layers.Layer):
    def call(self, inputs):
        return inputs


def own_networks():
    """Estimators around models of a user."""
    code = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="code")])
    code.add(keras.layers.Dense(4))
    line = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    return [
        sklearn_cnn.KerasClassifier(made, **SHORT),
        sklearn_cnn.KerasClassifier(made, model_params={"hidden": 7}, solver="sgd", **SHORT),
        sklearn_cnn.KerasClassifier(template(), **SHORT),
        sklearn_cnn.KerasClassifier(template(False), loss=keras.losses.MeanSquaredError(), **SHORT),
        sklearn_cnn.KerasRegressor(line, **SHORT),
        sklearn_cnn.KerasTransformer(code, layer="code", **SHORT),
    ]


@pytest.mark.parametrize("number", range(6))
def test_an_estimator_around_a_users_model_says_the_same_and_goes_on(there_and_back, number):
    estimator = own_networks()[number]
    is_regressor = isinstance(estimator, sklearn_cnn.KerasRegressor)
    target = X @ [1.0, 2.0, 3.0, 4.0] if is_regressor else NAMES
    target = None if isinstance(estimator, sklearn_cnn.KerasTransformer) else target
    fitted = estimator.fit(X, target)
    back = there_and_back(fitted, trusted=[made])
    assert same(results(back), results(fitted))
    assert same(results(clone(back).fit(X, target)), results(clone(fitted).fit(X, target)))


def test_a_function_that_makes_a_model_needs_trust(tmp_path):
    save(sklearn_cnn.KerasClassifier(made, **SHORT).fit(X, NAMES), tmp_path / "network.zip")
    with pytest.raises(ArchiveError, match=r"\.made, .*pass trusted=\[made\] to load"):
        load(tmp_path / "network.zip")


def test_a_model_with_a_layer_that_nobody_registered_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((4,)), Unregistered(), keras.layers.Dense(3)])
    fitted = sklearn_cnn.KerasClassifier(model, **SHORT).fit(X, NAMES)
    with pytest.raises(ArchiveError, match="KerasClassifier cannot be saved: model .*Unregistered"):
        save(fitted, tmp_path / "network.zip")


GIVEN = "sklearn_cnn.architectures.given."


def named(name, value):
    fields = {"name": name, "value": value}
    return {"kind": "record", "class": f"{GIVEN}Named", "fields": fields}


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "keras name", "name": "keras.layers.Dense"},
        {"kind": "keras name", "name": "keras.layers.StringLookup"},
        {"kind": "function", "name": "numpy.asarray"},
        {"kind": "function", "name": "sklearn.metrics.accuracy_score"},
        {"kind": "type", "name": "sklearn.preprocessing.FunctionTransformer"},
        {"kind": "type", "name": "object"},
        "os.system",
    ],
    ids=str,
)
def test_what_a_network_calls_to_make_a_model_must_be_the_users(tmp_path, value):
    """Its arguments come from the file as well."""
    path = tmp_path / "network.zip"
    write_object(path, named("anything", value))
    with nothing_happens(), pytest.raises(ArchiveError, match=r"trusted=\[anything\]"):
        load(path)
    write_object(path, named("Tripling", {"kind": "keras name", "name": "tests>Tripling"}))
    assert load(path).value is Tripling


@pytest.mark.parametrize("name", ["Lambda", "__lambda__", "tests>Tripling", "StringLookup"])
@pytest.mark.parametrize("config", ["LAMBDA", "READS_A_FILE"])
def test_no_name_of_the_users_covers_a_layer_of_keras(tmp_path, name, config):
    tripling = {"kind": "keras name", "name": "tests>Tripling"}
    source = {
        "config": json.dumps({"layers": [globals()[config]]}),
        "custom": {"kind": "tuple", "items": [named(name, tripling)]},
    }
    write_object(
        tmp_path / "network.zip",
        {"kind": "record", "class": f"{GIVEN}Configured", "fields": source},
    )
    with nothing_happens(), pytest.raises(ArchiveError):
        load(tmp_path / "network.zip")


LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAAA"}}},
    "registered_name": None,
}
READS_A_FILE = {
    "module": "keras.layers",
    "class_name": "StringLookup",
    "config": {"vocabulary": "/etc/passwd"},
    "registered_name": None,
}
FETCHES = {"module": "keras.utils", "class_name": "function", "config": "get_file"}


@pytest.mark.parametrize("config", [LAMBDA, READS_A_FILE, FETCHES, {"layers": [LAMBDA]}, [LAMBDA]])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_configuration_that_would_run_code_once_in_use_is_refused(tmp_path, config, as_text):
    """As text it would be read when the network predicts, not when the file is loaded."""
    path = tmp_path / "network.zip"
    save(fit(sklearn_cnn.MLPClassifier((3,), activation=keras.layers.LeakyReLU(), **SHORT)), path)
    manifest, arrays = read_members(path)
    state = manifest["object"]["state"]
    value = json.dumps(config) if as_text else as_node(config)
    for pair in state["architecture_"]["fields"]["settings"]["items"]:
        if pair["items"][0] == "activation":
            pair["items"][1] = value
    write_members(path, manifest, arrays)
    with nothing_happens(), pytest.raises(ArchiveError):
        load(path)


def as_node(config):
    if isinstance(config, dict):
        return {"kind": "dict", "items": {key: as_node(item) for key, item in config.items()}}
    return {"kind": "list", "items": list(map(as_node, config))} if type(config) is list else config


def test_a_lambda_as_activation_is_refused(tmp_path):
    network = sklearn_cnn.MLPClassifier(activation=lambda x: x)
    with pytest.raises(ArchiveError, match="MLPClassifier cannot be saved: activation cannot be"):
        save(make_pipeline(network)[0], tmp_path / "network.zip")


def test_a_class_that_derives_from_a_network_needs_trust(tmp_path):
    save(fit(Derived((3,), **SHORT)), tmp_path / "network.zip")
    with pytest.raises(ArchiveError, match=r"trusted=\[Derived\]"):
        load(tmp_path / "network.zip")
    assert type(load(tmp_path / "network.zip", trusted=[Derived])) is Derived


class Derived(sklearn_cnn.MLPClassifier):
    pass
