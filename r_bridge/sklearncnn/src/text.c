/* Text on its way to Python. In C because names and commands go with every call. */

#include "sklearncnn.h"
#include <string.h>

/* Each string, ended by a zero; NULL if one is not in ASCII, whose encoding R has to look at. */
SEXP ascii_bytes(SEXP x)
{
    R_xlen_t n = XLENGTH(x), size = 0;
    for (R_xlen_t i = 0; i < n; i++) {
        const char *text = CHAR(STRING_ELT(x, i));
        for (; *text; text++, size++) {
            if ((unsigned char) *text > 127) return R_NilValue;
        }
        size++;
    }
    SEXP bytes = PROTECT(Rf_allocVector(RAWSXP, size));
    Rbyte *place = RAW(bytes);
    for (R_xlen_t i = 0; i < n; i++) {
        SEXP string = STRING_ELT(x, i);
        memcpy(place, CHAR(string), LENGTH(string) + 1);
        place += LENGTH(string) + 1;
    }
    UNPROTECT(1);
    return bytes;
}
