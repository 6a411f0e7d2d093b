"""Keras metrics, carried through training as state."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MetricDescription:
    """A metric as an estimator's ``metrics=`` names it.

    Parameters
    ----------
    name : str
        Column of ``history_``; as the user typed it.
    source : str, type, tuple or callable
        JSON of a Keras metric, a metric class, a class that Keras does not know with the JSON of
        its configuration, or a function ``(y_true, y_pred) -> rows``.
    sparse : bool, default=False
        Whether the metric takes class numbers instead of one-hot rows.
    """

    name: str
    source: Any
    sparse: bool = False

    @property
    def is_users(self) -> bool:
        """Whether the user wrote it."""
        if isinstance(self.source, str):
            return False
        found = self.source[0] if isinstance(self.source, tuple) else self.source
        return not found.__module__.startswith("keras.")

    def build(self, dtype: str):
        """A new metric with variables of its own."""
        import keras

        if isinstance(self.source, str):
            config = json.loads(self.source)
            config["config"] |= {"dtype": dtype, "name": self.name}
            metric = keras.metrics.deserialize(config)
        elif isinstance(self.source, tuple):
            cls, config = self.source
            metric = cls.from_config(json.loads(config) | {"dtype": dtype, "name": self.name})
        elif isinstance(self.source, type):
            metric = self.source(name=self.name, dtype=dtype)
        else:
            metric = keras.metrics.MeanMetricWrapper(self.source, name=self.name, dtype=dtype)
        if not metric.variables:  # made at the first update by some metrics
            metric.build() if hasattr(metric, "build") else None
        return metric


def describe_metrics(metrics, *, score: str, units: int) -> tuple[MetricDescription, ...]:
    """Descriptions of ``metrics``: names, classes, instances or functions.

    ``"accuracy"`` and ``"acc"`` mean the accuracy that fits the target, as in Keras.
    """
    if metrics is None:
        return ()
    if isinstance(metrics, str) or not isinstance(metrics, list | tuple):
        metrics = [metrics]
    return tuple(_describe(metric, score, units) for metric in metrics)


def _describe(metric, score: str, units: int) -> MetricDescription:
    import keras

    if isinstance(metric, str):
        name = metric
        if metric.lower() in ("accuracy", "acc"):
            metric = "BinaryAccuracy" if units == 1 else "CategoricalAccuracy"
            if score != "accuracy":
                metric = "Accuracy"
        try:
            found = keras.metrics.get(metric)
        except ValueError:
            raise ValueError(_unknown_metric(name)) from None
        return MetricDescription(name, _source(found), _is_sparse(found))
    if isinstance(metric, type):
        return MetricDescription(_snake_case(metric.__name__), metric, _is_sparse(metric))
    if not callable(metric):
        raise TypeError(
            "metrics must be names, Keras metrics, classes of them or functions (y_true, y_pred). "
            f"Got {metric!r}."
        )
    name = getattr(metric, "name", None) or metric.__name__
    return MetricDescription(name, _source(metric), _is_sparse(metric))


def _source(metric: Any):
    import keras

    if type(metric) is keras.metrics.MeanMetricWrapper and not metric._fn_kwargs:
        return metric._fn
    if not isinstance(metric, keras.metrics.Metric):
        return metric
    serialised = keras.metrics.serialize(metric)
    if type(metric).__module__.startswith("keras.") or keras.saving.get_registered_object(
        serialised["registered_name"]
    ):
        return json.dumps(serialised, sort_keys=True)
    return type(metric), json.dumps(metric.get_config(), sort_keys=True)


def _is_sparse(metric: Any) -> bool:
    name = getattr(metric, "__name__", type(metric).__name__)
    return name.lower().startswith("sparse")


def _unknown_metric(name: str) -> str:
    import keras

    from .optimizers import unknown_name

    known = [
        key
        for key, value in vars(keras.metrics).items()
        if isinstance(value, type) and issubclass(value, keras.metrics.Metric)
    ]
    return unknown_name("metrics", name, known)


def _snake_case(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
