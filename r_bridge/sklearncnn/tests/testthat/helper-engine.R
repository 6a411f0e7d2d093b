# Run code on an engine of its own, whatever the session uses, and come back.
with_engine <- function(name, code) {
  before <- session$engine
  old <- options(sklearncnn.engine = name)
  session$engine <- NULL
  on.exit({
    if (identical(session$engine$kind, "process")) stop_worker(session$engine$worker)
    session$engine <- before
    options(old)
  })
  code
}

# Commands that misbehave, for the tests alone.
load_test_commands <- function() {
  dispatch("load_commands", list(path = normalizePath(test_path("commands.py"))))
}
