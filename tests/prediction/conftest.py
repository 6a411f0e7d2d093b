import pytest


@pytest.fixture(scope="session")
def double() -> float:
    """Relative error of float64: on JAX and PyTorch many operations of Keras round to float32."""
    import keras

    return 1e-12 if keras.backend.result_type("float64", float) == "float64" else 1e-5
