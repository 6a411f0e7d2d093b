#ifndef SKLEARNCNN_H
#define SKLEARNCNN_H

#define R_NO_REMAP
#include <R.h>
#include <Rinternals.h>

/* Codes of types, as in R/codec.R and r_bridge/_convert.py. */
enum { AS_DOUBLE = 1, AS_SINGLE = 2, AS_INTEGER = 3, AS_RAW = 7 };

SEXP ascii_bytes(SEXP x);
SEXP check_interrupt(void);
SEXP encode_exchange(SEXP program, SEXP buffers, SEXP types, SEXP apart);
SEXP decode_exchange(SEXP message);
SEXP write_block(SEXP x, SEXP type, SEXP block, SEXP path, SEXP offset);
SEXP read_block(SEXP x, SEXP type, SEXP block, SEXP path, SEXP offset);

#endif
