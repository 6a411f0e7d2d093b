"""`import sklearn_cnn`: what it offers, and what it leaves unimported."""

import ast
import doctest
import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import sklearn_cnn

PUBLIC_NAMES = [
    "Autoencoder",
    "CNNClassifier",
    "CNNRegressor",
    "DiagnosisDisplay",
    "FeatureMapsDisplay",
    "FiltersDisplay",
    "HistoryDisplay",
    "Inputs",
    "KerasClassifier",
    "KerasRegressor",
    "KerasTransformer",
    "MLPClassifier",
    "MLPRegressor",
    "ReconstructionDisplay",
    "datasets",
    "diagnose",
    "enable_compilation_cache",
    "families",
    "fit_keras_model",
    "fit_many",
    "forget_unused",
    "from_sklearn",
    "import_keras",
    "load",
    "save",
    "show_versions",
]

# What takes seconds to import, or is the very thing that a user replaces by this package.
HEAVY = ("tensorflow", "keras", "jax", "torch", "matplotlib", "pandas", "sklearn.neural_network")


def run(code):
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_public_names_are_these():
    assert sorted(sklearn_cnn.__all__) == PUBLIC_NAMES
    assert set(PUBLIC_NAMES) <= set(dir(sklearn_cnn))


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_a_public_name_is_there_and_says_where_it_is_imported_from(name):
    value = getattr(sklearn_cnn, name)
    if isinstance(value, ModuleType):
        assert value.__name__ == f"sklearn_cnn.{name}"
    elif inspect.isclass(value):
        # Pickles name the package, so that a module may move without breaking them.
        assert value.__module__ == "sklearn_cnn"
        assert pickle.loads(pickle.dumps(value)) is value


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_a_public_name_is_documented_with_examples_that_run(name):
    """doctest, collecting modules, passes over classes that name another module than their own."""
    value = getattr(sklearn_cnn, name)
    if isinstance(value, ModuleType):
        members = [getattr(value, member) for member in value.__all__]
        documented = [member for member in members if inspect.isfunction(member)]
    else:
        documented = [value]
    for thing in documented:
        examples = examples_of(thing, sys.modules[defining_module(name, thing)])
        assert examples, f"{thing} has no example"
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        for example in examples:
            result = doctest.DocTestRunner(optionflags=flags).run(example)
            assert result.failed == 0, f"{example.name}, printed above"


def defining_module(name, thing):
    home = sklearn_cnn._MODULE_OF.get(name)
    return f"sklearn_cnn.{home}" if home else thing.__module__


def examples_of(thing, module):
    finder = doctest.DocTestFinder()
    tests = finder.find(thing, thing.__name__, module=False, globs=dict(vars(module)))
    return [test for test in tests if test.examples]


def test_examples_of_a_class_that_names_another_module_are_found():
    class Elsewhere:
        """
        >>> 1 + 1
        2
        """

        def method(self):
            """
            >>> 1 + 1
            3
            """

    Elsewhere.__module__ = "sklearn_cnn"
    runner = doctest.DocTestRunner()
    results = [
        runner.run(test, out=lambda text: None)
        for test in examples_of(Elsewhere, sys.modules[__name__])
    ]
    assert sorted(result.failed for result in results) == [0, 1]


def test_type_checkers_are_told_the_same_as_python():
    tree = ast.parse(Path(sklearn_cnn.__file__).read_text())
    block = next(
        node for node in tree.body if isinstance(node, ast.If) and node.test.id == "TYPE_CHECKING"
    )
    told = {(name.asname, node.module) for node in block.body for name in node.names}
    modules = [(name, None) for name in sklearn_cnn._PUBLIC_MODULES]
    assert told == {*sklearn_cnn._MODULE_OF.items(), *modules}


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="'sklearn_cnn' has no attribute 'MLPClasifier'"):
        sklearn_cnn.MLPClasifier  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'MLPClasifier'"):
        import_from("sklearn_cnn", "MLPClasifier")


def import_from(module, name):
    exec(f"from {module} import {name}", {})


def test_importing_the_package_imports_nothing_heavy():
    loaded = f"print([name for name in {HEAVY} if name in sys.modules])"
    assert run(f"import sys, sklearn_cnn; {loaded}") == "[]"


def test_no_public_name_starts_a_backend_when_it_is_imported():
    loaded = "[name for name in ('tensorflow', 'jax', 'torch', 'keras') if name in sys.modules]"
    assert run(f"import sys; from sklearn_cnn import *; print({loaded})") == "[]"
