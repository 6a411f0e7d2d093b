"""A trip to a file and back."""

import pytest

from sklearn_cnn.persistence import load, save


@pytest.fixture(scope="session")
def there_and_back(tmp_path_factory):
    path = tmp_path_factory.mktemp("archives") / "archive.zip"

    def go(value, **options):
        save(value, path)
        return load(path, **options)

    return go
