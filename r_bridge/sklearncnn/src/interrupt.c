#include "sklearncnn.h"

/* Deal with a Ctrl-C now: R itself looks for one only now and then. */
SEXP check_interrupt(void)
{
    R_CheckUserInterrupt();
    return R_NilValue;
}
