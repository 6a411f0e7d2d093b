# Call a command of r_bridge: arguments and result cross by the codec, Python's output goes where
# R's goes, its warnings and errors become R's.
dispatch <- function(name, args = list(), call = sys.call(-1)) {
  force(call)
  packed <- engine()$answer(pack_request(name, args))
  reply <- unpack(packed[[1]], packed[[2]])
  for (record in reply$warnings) warn_from_python(record, call)
  if (isTRUE(reply$interrupted)) interrupt()
  if (!is.null(reply$error)) raise_python_error(reply$error, call)
  reply$value
}

# Send a value to Python and back: for tests of the codec.
echo <- function(x) dispatch("echo", list(x = x))

# As if the user's Ctrl-C had met R itself, which deals with it when it may be interrupted.
interrupt_soon <- function() tools::pskill(Sys.getpid(), tools::SIGINT)

# The same at once: nothing goes on after it.
interrupt <- function() {
  allowInterrupts({
    interrupt_soon()
    Sys.sleep(1)
  })
  abort("interrupted", "Interrupted.", call = NULL)
}
