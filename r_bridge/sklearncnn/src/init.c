#include "sklearncnn.h"
#include <R_ext/Rdynload.h>

static const R_CallMethodDef calls[] = {
    {"ascii_bytes", (DL_FUNC) &ascii_bytes, 1},
    {"check_interrupt", (DL_FUNC) &check_interrupt, 0},
    {"encode_exchange", (DL_FUNC) &encode_exchange, 4},
    {"decode_exchange", (DL_FUNC) &decode_exchange, 1},
    {"write_block", (DL_FUNC) &write_block, 5},
    {"read_block", (DL_FUNC) &read_block, 5},
    {NULL, NULL, 0}
};

void R_init_sklearncnn(DllInfo *dll)
{
    R_registerRoutines(dll, NULL, calls, NULL, NULL);
    R_useDynamicSymbols(dll, FALSE);
    R_forceSymbols(dll, TRUE);
}
