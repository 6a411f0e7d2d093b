"""Dropout and noise drawn from a counter instead of a stream.

A mask is a hash of (key of the network, step, layer, position): it needs no state, works in any
compiled program, and is the same whether a network trains alone or beside others.
"""

import math
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from keras import layers, models, ops

from sklearn_cnn import backends


@dataclass(frozen=True)
class Draw:
    """What a step hands to the layers that draw: the network's key, the step, a rate."""

    key: Any
    step: Any
    rate: Any = None


class _Current(threading.local):
    draw: Draw | None = None


_CURRENT = _Current()


@contextmanager
def drawing(draw: Draw | None):
    """Let the layers called in this block draw from ``draw``."""
    before, _CURRENT.draw = _CURRENT.draw, draw
    try:
        yield
    finally:
        _CURRENT.draw = before


def _mix(x):
    """Wellons' lowbias32: every input bit changes every output bit about half the time."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = ops.bitwise_xor(x, ops.bitwise_right_shift(x, _word(shift)))
        x = _low(ops.multiply(x, _word(factor)))
    return ops.bitwise_xor(x, ops.bitwise_right_shift(x, _word(16)))


def _word_dtype() -> str:
    # PyTorch cannot multiply unsigned words; there the lower half of a longer one stands for it.
    return "uint32" if backends.current().compiles else "int64"


def _word(value: int):
    return ops.convert_to_tensor(value, dtype=_word_dtype())


def _low(x):
    """The lower 32 bits, which is all of an unsigned word."""
    return x if _word_dtype() == "uint32" else ops.bitwise_and(x, _word(0xFFFFFFFF))


def uniform(draw: Draw, layer: int, shape: tuple[int, ...], dtype: str):
    """Numbers in [0, 1) of 24 bits, shape ``shape``, one for each position."""
    word = _word_dtype()
    positions = ops.cast(ops.reshape(ops.arange(math.prod(shape), dtype="int32"), shape), word)
    seed = _mix(_low(ops.cast(draw.step, word) + _mix(_word(layer * 0x9E3779B9 & 0xFFFFFFFF))))
    seed = _mix(ops.bitwise_xor(seed, ops.cast(draw.key, word)))
    bits = _mix(ops.bitwise_xor(_mix(_low(positions + seed)), seed))
    # A signed word converts to floats on every backend; 24 bits never reach the sign.
    bits = ops.cast(ops.bitwise_right_shift(bits, _word(8)), "int32")
    return ops.cast(bits, dtype) * 2.0**-24


def _normal(draw: Draw, layer: int, shape: tuple[int, ...], dtype: str):
    radius = ops.sqrt(-2.0 * ops.log(1.0 - uniform(draw, layer, shape, dtype)))
    return radius * ops.cos(2.0 * math.pi * uniform(draw, layer + 0x10000, shape, dtype))


@cache
def _counted_classes() -> dict[type, type]:
    """Each Keras layer that draws at random, with its twin that draws from the counter."""

    class CountedDropout(layers.Dropout):
        counter = 0

        def call(self, inputs, training=False):
            if not training or self.rate == 0:
                return inputs
            shape = ops.shape(inputs)  # with a tensor where a program leaves the size open
            pattern = self._mask_shape(shape)
            mask_shape = [n if m is None else m for n, m in zip(shape, pattern, strict=True)]
            rate = self.rate if _CURRENT.draw.rate is None else _CURRENT.draw.rate
            dtype = self.compute_dtype
            kept = uniform(_CURRENT.draw, self.counter, tuple(mask_shape), dtype) >= rate
            return ops.where(kept, inputs / (1.0 - rate), ops.zeros_like(inputs))

        def _mask_shape(self, shape):
            return self.noise_shape or shape

    class CountedSpatialDropout1D(CountedDropout, layers.SpatialDropout1D):
        def _mask_shape(self, shape):
            return (shape[0], 1, shape[2])

    class CountedGaussianNoise(layers.GaussianNoise):
        counter = 0

        def call(self, inputs, training=False):
            if not training or self.stddev == 0:
                return inputs
            noise = _normal(_CURRENT.draw, self.counter, ops.shape(inputs), self.compute_dtype)
            return inputs + self.stddev * noise

    return {
        layers.Dropout: CountedDropout,
        layers.SpatialDropout1D: CountedSpatialDropout1D,
        layers.GaussianNoise: CountedGaussianNoise,
    }


def with_counted_noise(model: models.Model) -> models.Model:
    """A copy of a functional or sequential model whose noise comes from the counter.

    A subclassed model, or one without such layers, is returned as it is: Keras's own seed
    generators are then part of its state.
    """
    twins = _counted_classes()
    drawing_layers = [
        layer for layer in model._flatten_layers(include_self=False) if type(layer) in twins
    ]
    if not drawing_layers or not isinstance(model, models.Model):
        return model
    from sklearn_cnn.architectures.given import is_graph

    if not is_graph(model):
        return model
    numbers: dict[str, int] = {}

    def twin(layer):
        layer_class = twins.get(type(layer), type(layer))
        copy = layer_class.from_config(layer.get_config())
        if type(layer) in twins:
            copy.counter = numbers.setdefault(layer.name, len(numbers) + 1)
        return copy

    return models.clone_model(model, clone_function=twin)
