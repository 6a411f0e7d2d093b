"""Ctrl-C while a network is trained."""

import random
import signal
import threading

import numpy as np
import pytest
from keras.callbacks import LambdaCallback

from sklearn_cnn import MLPRegressor
from sklearn_cnn.training.interrupts import interrupts_wait

pytestmark = pytest.mark.usefixtures("ctrl_c_is_heard")


def test_ctrl_c_waits_until_it_is_asked_for():
    with interrupts_wait() as raise_interrupt:
        raise_interrupt()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            raise_interrupt()
        raise_interrupt()


def test_a_second_ctrl_c_does_not_wait():
    pressed = []

    def press_on():
        while len(pressed) < 10:
            pressed.append(signal.raise_signal(signal.SIGINT))

    with pytest.raises(KeyboardInterrupt), interrupts_wait():
        press_on()
    assert len(pressed) == 1


def test_one_that_nobody_has_asked_for_is_raised_at_the_end():
    with pytest.raises(KeyboardInterrupt), interrupts_wait():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL, lambda number, frame: None])
def test_the_handler_of_before_is_there_again(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with interrupts_wait():
            pass
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_threads_leave_the_handler_alone():
    seen = []

    def work():
        with interrupts_wait() as raise_interrupt:
            raise_interrupt()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


def test_whenever_ctrl_c_comes_the_model_so_far_is_kept():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    main, moments = threading.main_thread().ident, random.Random(0)

    def press_soon(epoch, logs):
        if epoch == 0:
            moment = moments.uniform(0, 0.02)
            threading.Timer(moment, signal.pthread_kill, (main, signal.SIGINT)).start()

    for _ in range(20):
        mlp = MLPRegressor(hidden_layer_sizes=4, max_iter=10**7, n_iter_no_change=10**7)
        mlp.set_params(callbacks=LambdaCallback(on_epoch_end=press_soon))
        with pytest.warns(UserWarning, match="interrupted by user"):
            mlp.fit(X, y)
        assert 0 < mlp.n_iter_ == len(mlp.loss_curve_)
        assert np.isfinite(mlp.predict(X)).all()
