"""R in subprocesses: Ctrl-C, the environment, forks, and R inside Python."""

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from ._r import PACKAGE, RSCRIPT, environment, run_python, run_r

ENGINES = ("inprocess", "process")
COMMANDS = PACKAGE / "tests" / "testthat" / "commands.py"

_INTERRUPTS = f"""
library(sklearncnn)
invisible(sklearncnn:::dispatch("load_commands", list(path = "{COMMANDS.as_posix()}")))
loop <- function() tryCatch({{
  cat("working\\n")
  repeat {{}}
}}, interrupt = function(condition) "R was interrupted")
nap <- function(...) tryCatch({{
  cat("working\\n")
  sklearncnn:::dispatch("nap", list(seconds = 60, ...))
}}, interrupt = function(condition) "the call was interrupted")
for (f in list(loop, nap, function() nap(catch = TRUE), nap, loop)) cat("result:", f(), "\\n")
cat("result:", sklearncnn:::echo("alive"), "\\n")
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_interrupts_who_works(engine, r_library):
    """R's loops as ever, Python's work too, and the session goes on."""
    process = subprocess.Popen(
        [RSCRIPT, "-e", _INTERRUPTS],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(r_library, SKLEARNCNN_ENGINE=engine),
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "working\n":
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
    assert process.wait() == 0, "".join(lines)
    assert [line.strip() for line in lines if line.startswith("result:")] == [
        "result: R was interrupted",
        "result: the call was interrupted",
        "result: interrupted in Python",
        "result: the call was interrupted",
        "result: R was interrupted",
        "result: alive",
    ]


_INTERRUPTED_ARRAYS = """
library(sklearncnn)
big <- matrix(stats::runif(4e6), 1e5)
invisible(sklearncnn:::echo(1))
worker <- function() sklearncnn:::session$engine$worker$pid
first <- worker()
for (i in 1:20) {
  said <- tryCatch({
    cat("working\n")
    repeat sklearncnn:::echo(big)
  }, interrupt = function(condition) "interrupted")
  cat("result:", said, identical(sklearncnn:::echo(big), big), "\n")
}
cat("same worker:", identical(worker(), first), "\n")
"""


def test_ctrl_c_while_long_arrays_cross_leaves_both_sides_in_step(r_library):
    """Whether R sends, Python works or R receives; the worker need not even go."""
    process = subprocess.Popen(
        [RSCRIPT, "-e", _INTERRUPTED_ARRAYS],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(r_library, SKLEARNCNN_ENGINE="process"),
    )
    lines, moments = [], random.Random(0)
    for line in process.stdout:
        lines.append(line.strip())
        if line == "working\n":
            time.sleep(moments.uniform(0.05, 0.3))
            process.send_signal(signal.SIGINT)
    assert process.wait() == 0, lines
    assert lines.count("result: interrupted TRUE") == 20, lines
    assert lines[-1] == "same worker: TRUE"


# Ctrl-C comes when R has just read a reply; R looks for it as soon as it may be interrupted again.
_LATE_INTERRUPTS = """
library(sklearncnn)
late <- FALSE
look <- function() for (step in 1:5000) eval(quote(step))
read <- sklearncnn:::next_message
ask <- sklearncnn:::ask_worker
environment(ask) <- list2env(
  list(suspendInterrupts = function(expr) {
    value <- base::suspendInterrupts(expr)
    look()
    value
  }),
  parent = asNamespace("sklearncnn")
)
assignInNamespace("ask_worker", ask, "sklearncnn")
assignInNamespace("next_message", function(worker) {
  message <- read(worker)
  if (late && message$word == "reply ") {
    late <<- FALSE
    tools::pskill(Sys.getpid(), tools::SIGINT)
  }
  message
}, "sklearncnn")
invisible(sklearncnn:::echo(1))
worker <- function() sklearncnn:::session$engine$worker$pid
first <- worker()
"""


def test_ctrl_c_that_comes_with_a_reply_leaves_the_worker_alive(r_library):
    code = f"""
    {_LATE_INTERRUPTS}
    late <- TRUE
    said <- tryCatch(
      {{
        sklearncnn:::echo(1)
        look()
      }},
      interrupt = function(condition) "interrupted"
    )
    cat(said, sklearncnn:::echo("alive"), identical(worker(), first))
    """
    assert run_r(code, r_library, SKLEARNCNN_ENGINE="process") == "interrupted alive TRUE"


@pytest.mark.parametrize("with_callback", ["TRUE", "FALSE"])
def test_ctrl_c_that_comes_after_the_last_epoch_loses_nothing(with_callback, r_library):
    """The model has what it has learned before R is interrupted."""
    code = f"""
    {_LATE_INTERRUPTS}
    model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 1)
    compile(model, optimizer = "sgd", loss = "mse")
    before <- predict(model, 0.5)
    ending <- callback_lambda(on_train_end = function(logs) late <<- TRUE)
    said <- tryCatch(
      {{
        late <- !{with_callback}
        fit(
          model, cars$speed / 25, cars$dist / 120,
          epochs = 3, verbose = 0, callbacks = if ({with_callback}) ending
        )
        look()
      }},
      interrupt = function(condition) "interrupted"
    )
    cat(said, identical(predict(model, 0.5), before), identical(worker(), first))
    """
    assert run_r(code, r_library, SKLEARNCNN_ENGINE="process") == "interrupted FALSE TRUE"


_INTERRUPTED_FIT = """
library(sklearncnn)
fit <- function(epochs) {
  set.seed(1)
  mlp(dist ~ speed, cars, hidden = 3, epochs = epochs, batch_size = 10)
}
invisible(fit(500))
interrupted <- withCallingHandlers({
  cat("working\\n")
  fit(1e7)
}, warning = function(warning) {
  cat("warning:", conditionMessage(warning), "\\n")
  invokeRestart("muffleWarning")
})
epochs <- nrow(interrupted$history)
cat("epochs:", epochs, "\\n")
whole <- fit(epochs)
cat("same:", all.equal(coef(interrupted), coef(whole), tolerance = 1e-10), "\\n")
cat("learned:", whole$history$loss[epochs] < 0.9 * whole$history$loss[1], "\\n")
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_during_a_fit_returns_the_model_trained_so_far(engine, r_library):
    """The weights are those of a fit that was asked for just so many epochs."""
    process = subprocess.Popen(
        [RSCRIPT, "-e", _INTERRUPTED_FIT],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(r_library, SKLEARNCNN_ENGINE=engine),
    )
    said = {}
    for line in process.stdout:
        if line == "working\n":
            time.sleep(3)
            process.send_signal(signal.SIGINT)
        name, _, value = line.partition(":")
        said[name] = value.strip()
    assert process.wait() == 0, said
    assert "interrupted" in said["warning"]
    assert 0 < int(said["epochs"]) < 1e7
    assert (said["same"], said["learned"]) == ("TRUE", "TRUE")


_INTERRUPTED_LAYERS = """
library(sklearncnn)
set.seed(1)
model <- keras_model_sequential() %>%
  layer_dense(units = 3, activation = "tanh", input_shape = 1) %>%
  layer_dense(units = 1) %>%
  compile(optimizer = "adam", loss = "mse")
train <- function(epochs, ...) {
  model %>% fit(cars$speed / 25, cars$dist / 120, epochs = epochs, ...)
}
seen <- 0
asking <- callback_lambda(on_epoch_end = function(epoch, logs) seen <<- seen + 1)
for (callbacks in rep(list(list(), list(asking)), 25)) {
  before <- predict(model, 0.5)
  seen <- 0
  history <- withCallingHandlers({
    cat("working\n")
    train(1e7, callbacks = callbacks)
  }, warning = function(warning) {
    cat("warning:", conditionMessage(warning), "\n")
    invokeRestart("muffleWarning")
  })
  epochs <- length(history$metrics$loss)
  cat("epochs:", epochs, length(callbacks) == 0 || seen >= epochs, "\n")
  cat("learned:", !identical(predict(model, 0.5), before), "\n")
}
cat("then:", length(train(3)$metrics$loss), sklearncnn:::echo("alive"), "\n")
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_leaves_a_model_of_layers_with_what_it_has_learned(engine, r_library):
    """With callbacks of R and without, at any moment of an epoch; the session goes on."""
    process = subprocess.Popen(
        [RSCRIPT, "-e", _INTERRUPTED_LAYERS],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(r_library, SKLEARNCNN_ENGINE=engine),
    )
    said, at_work, moments = [], False, random.Random(0)
    # A Ctrl-C that is lost leaves a fit of days.
    watchdog = threading.Timer(240, process.kill)
    watchdog.start()
    for line in process.stdout:
        if not re.match("Epoch|.*loss", line):
            said.append(line.strip())
        elif at_work and "loss" in line:
            time.sleep(moments.uniform(0, 0.02))
            process.send_signal(signal.SIGINT)
            at_work = False
        at_work = at_work or line == "working\n"
    watchdog.cancel()
    assert process.wait() == 0, "\n".join(said)
    assert sum("interrupted" in line for line in said if line.startswith("warning:")) == 50
    for line in said:
        if line.startswith("epochs:"):
            _, epochs, asked = line.split()
            assert 0 < int(epochs) < 1e7
            assert asked == "TRUE"
    assert said.count("learned: TRUE") == 50
    assert said[-1] == "then: 3 alive"


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_between_two_turns_ends_training_at_once(engine, r_library):
    """R must not be interrupted there, and looks for it rarely: it is handed on to Python."""
    code = """
    library(sklearncnn)
    model <- keras_model_sequential() %>% layer_dense(units = 1, input_shape = 1)
    compile(model, optimizer = "sgd", loss = "mse")
    for (last in 0:9) {
      asking <- callback_lambda(on_epoch_end = function(epoch, logs) {
        if (epoch == last) tools::pskill(Sys.getpid(), tools::SIGINT)
      })
      history <- suppressWarnings(fit(
        model, cars$speed / 25, cars$dist / 120, epochs = 1000, verbose = 0, callbacks = asking
      ))
      cat(length(history$metrics$loss) - last, "")
    }
    """
    epochs = run_r(code, r_library, SKLEARNCNN_ENGINE=engine).split()
    assert len(epochs) == 10
    assert {int(more) for more in epochs} <= {0, 1, 2}


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_in_a_conversation_that_python_no_longer_knows_interrupts_r(engine, r_library):
    """As after a second Ctrl-C, by which the worker has gone."""
    code = """
    library(sklearncnn)
    functions <- list2env(list(ask = function() {
      tools::pskill(Sys.getpid(), tools::SIGINT)
      Sys.sleep(10)
    }))
    question <- list(question = "ask", number = 99L, arguments = list())
    said <- tryCatch(
      sklearncnn:::converse(question, functions, NULL),
      interrupt = function(condition) "interrupted"
    )
    cat(said, sklearncnn:::echo("alive"))
    """
    assert run_r(code, r_library, SKLEARNCNN_ENGINE=engine) == "interrupted alive"


_MANY_FITS = """
library(sklearncnn)
fit <- function(i) {
  set.seed(i)
  mlp(dist ~ speed, cars, hidden = 2, starts = 1, max_iter = 5, tol = 1)
}
megabytes <- function() {
  pids <- c(Sys.getpid(), sklearncnn:::session$engine$worker$pid)
  sum(vapply(pids, function(pid) {
    line <- grep("^VmRSS", readLines(file.path("/proc", pid, "status")), value = TRUE)
    as.numeric(gsub("[^0-9]", "", line)) / 1024
  }, 0))
}
first <- fit(1)
for (i in seq_len(n %/% 10)) fit(i)
invisible(gc())
before <- megabytes()
for (i in seq_len(n)) fit(i)
invisible(gc())
cat(megabytes() - before, identical(coef(fit(1)), coef(first)), "\\n")
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "n_fits", [100, pytest.param(10_000, marks=[pytest.mark.nightly, pytest.mark.timeout(3600)])]
)
def test_many_fits_in_a_row_leave_the_session_healthy(engine, n_fits, r_library):
    code = f"n <- {n_fits}\n{_MANY_FITS}"
    grown, same = run_r(code, r_library, timeout=3600, SKLEARNCNN_ENGINE=engine).split()
    assert float(grown) < 30
    assert same == "TRUE"


def test_attaching_leaves_the_environment_as_it_was(r_library):
    code = """
    Sys.setenv(ONLY_MINE = "kept")
    before <- Sys.getenv()
    invisible(sklearncnn:::echo(1))
    after <- Sys.getenv()
    watched <- c("PYTHONPATH", "LD_LIBRARY_PATH", "ONLY_MINE", "HOME", "R_LIBS")
    stopifnot(identical(before[watched], after[watched]))
    cat("same")
    """
    assert run_r(code, r_library, SKLEARNCNN_ENGINE="inprocess") == "same"


def test_loading_the_package_starts_nothing(r_library):
    code = """
    library(sklearncnn)
    cat(reticulate::py_available(), is.null(sklearncnn:::session$engine))
    """
    assert run_r(code, r_library) == "FALSE TRUE"


def test_attaching_takes_less_than_three_seconds_without_the_search_for_python(r_library):
    code = """
    invisible(sklearncnn:::find_python())
    cat(sum(system.time(sklearncnn:::echo(1))[c("user.self", "sys.self")]))
    """
    # Of the processor's time: other programs may be at work.
    assert float(run_r(code, r_library, SKLEARNCNN_ENGINE="inprocess")) < 3


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("ending", ["quit(status = 0)", "tools::pskill(Sys.getpid(), 9L)"])
def test_a_worker_ends_with_its_r_session(ending, r_library):
    code = f"""
    invisible(sklearncnn:::dispatch("load_commands", list(path = "{COMMANDS.as_posix()}")))
    cat(sklearncnn:::session$engine$worker$pid, "\\n")
    {ending}
    """
    done = subprocess.run(
        [RSCRIPT, "-e", code],
        capture_output=True,
        text=True,
        env=environment(r_library, SKLEARNCNN_ENGINE="process"),
        check=False,
    )
    pid = int(done.stdout)
    for _ in range(300):
        if not _alive(pid):
            return
        time.sleep(0.1)
    raise AssertionError("the worker has outlived R")


def test_a_worker_at_work_ends_with_its_r_session(r_library):
    code = f"""
    invisible(sklearncnn:::dispatch("load_commands", list(path = "{COMMANDS.as_posix()}")))
    cat(sklearncnn:::session$engine$worker$pid, "\\n")
    sklearncnn:::dispatch("nap", list(seconds = 600))
    """
    process = subprocess.Popen(
        [RSCRIPT, "-e", code],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(r_library, SKLEARNCNN_ENGINE="process"),
    )
    pid = int(process.stdout.readline())
    time.sleep(0.5)
    assert _alive(pid)
    process.kill()
    process.wait()
    for _ in range(300):
        if not _alive(pid):
            return
        time.sleep(0.1)
    raise AssertionError("the worker has outlived R")


def run_script(tmp_path, library, code, *arguments):
    script = tmp_path / "script.R"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, "-m", "r_bridge", "run", str(script), *arguments],
        capture_output=True,
        text=True,
        env=environment(library),
        check=False,
    )


def test_a_script_runs_in_an_r_inside_python(tmp_path, r_library):
    code = """
    library(sklearncnn)
    sklearncnn:::echo(c(1, NA, 3))
    cat(commandArgs(TRUE), sklearncnn_config()$why, sep = "\\n")
    """
    done = run_script(tmp_path, r_library, code, "--first", "second")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[1]  1 NA  3\n--first\nsecond\nR runs inside Python\n"


def test_what_python_prints_below_such_a_script_is_printed_once(tmp_path, r_library):
    code = f"""
    invisible(sklearncnn:::dispatch("load_commands", list(path = "{COMMANDS.as_posix()}")))
    invisible(sklearncnn:::dispatch("say", list(text = "hello")))
    """
    assert run_script(tmp_path, r_library, code).stdout == "hello\n"


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("stop('on purpose')", 1, "Error.*on purpose"),
        ("quit(status = 7)", 7, ""),
        ("x <- (", 1, "unexpected end of input"),
    ],
)
def test_such_a_script_has_an_exit_status(tmp_path, r_library, code, status, message):
    done = run_script(tmp_path, r_library, code)
    assert done.returncode == status
    assert re.search(message, done.stderr)


def test_r_values_reach_python_through_an_embedded_r(r_library):
    """The R half of the codec against the Python half, driven from Python's side."""
    code = """
from r_bridge._session import embed
from r_bridge._convert import unpack, pack
import numpy as np

r = embed()
request = r.evalr("sklearncnn:::pack_request")
unpacked = r.evalr("function(program, buffers) sklearncnn:::unpack(program, buffers)")

def from_r(expression):
    program, buffers, _types = request("x", r.evalr("list(x = " + expression + ")"))
    views = [np.asarray(buffer) for buffer in buffers]
    return unpack(np.asarray(program).tolist(), views)[1]["x"]

array = from_r("array(1:24, c(2, 3, 4))")
assert array.dtype == np.int32 and array.shape == (2, 3, 4)
assert array[1, 2, 3] == 24 and array[1, 0, 0] == 2 and array[0, 1, 0] == 3
assert from_r("c(TRUE, NA)").tolist() == [True, None]
assert from_r("c('a', NA)").tolist() == ["a", None]
assert from_r("NULL") is None and from_r("3L") == 3 and from_r("'x'") == "x"
factor = from_r("factor(c('u', NA), levels = c('v', 'u'))")
assert factor.codes.tolist() == [1, -1] and factor.levels == ["v", "u"]
assert from_r("as.Date('2020-02-29')").isoformat() == "2020-02-29"
frame = from_r("data.frame(a = 1, b = 'x')")
assert frame.n_rows == 1 and frame.columns["b"].tolist() == ["x"]
assert from_r("as.raw(1:3)") == b"\\x01\\x02\\x03"
print("all good")
"""
    assert run_python(code, r_library) == "all good\n"
