/* Messages between R and a worker, as r_bridge/_exchange.py describes them. In C because R takes
   longer to put a short one together than Python to answer it. */

#include "sklearncnn.h"
#include <string.h>

/* Every part begins at a multiple of eight bytes. */
static R_xlen_t padded(R_xlen_t bytes)
{
    return (bytes + 7) / 8 * 8;
}

static R_xlen_t element_size(int type)
{
    switch (type) {
    case AS_DOUBLE: return 8;
    case AS_SINGLE: case AS_INTEGER: return 4;
    case AS_RAW: return 1;
    default: Rf_error("a message holds the unknown type %d", type);
    }
}

static int type_of(SEXP x)
{
    switch (TYPEOF(x)) {
    case REALSXP: return AS_DOUBLE;
    case INTSXP: return AS_INTEGER;
    case RAWSXP: return AS_RAW;
    default: Rf_error("a message cannot hold a vector of type '%s'", Rf_type2char(TYPEOF(x)));
    }
}

static const void *data_of(SEXP x)
{
    switch (TYPEOF(x)) {
    case REALSXP: return REAL_RO(x);
    case INTSXP: return INTEGER_RO(x);
    default: return RAW_RO(x);
    }
}

static R_xlen_t rank_of(SEXP x)
{
    SEXP dim = Rf_getAttrib(x, R_DimSymbol);
    return dim == R_NilValue ? 1 : XLENGTH(dim);
}

static char *add(char *place, const void *data, R_xlen_t bytes)
{
    if (bytes) memcpy(place, data, bytes);
    memset(place + bytes, 0, padded(bytes) - bytes);
    return place + padded(bytes);
}

/* Of the buffers that lie apart, in Python's type `types[i]`, only type and dimensions. */
SEXP encode_exchange(SEXP program, SEXP buffers, SEXP types, SEXP apart)
{
    R_xlen_t n = XLENGTH(buffers), n_dims = 0, size = 0;
    int counts[2] = {(int) XLENGTH(program), (int) n};
    int *type = (int *) R_alloc(n, sizeof(int));
    int *rank = (int *) R_alloc(n, sizeof(int));
    double *length = (double *) R_alloc(n, sizeof(double));
    for (R_xlen_t i = 0; i < n; i++) {
        SEXP x = VECTOR_ELT(buffers, i);
        type[i] = type_of(x);
        length[i] = (double) XLENGTH(x);
        rank[i] = 0;
        if (LOGICAL_RO(apart)[i]) {
            type[i] = INTEGER_RO(types)[i];
            rank[i] = (int) rank_of(x);
            n_dims += rank[i];
        } else {
            size += padded(XLENGTH(x) * element_size(type[i]));
        }
    }
    double *dims = (double *) R_alloc(n_dims, sizeof(double)), *next = dims;
    for (R_xlen_t i = 0; i < n; i++) {
        if (rank[i] == 0) continue;
        SEXP dim = Rf_getAttrib(VECTOR_ELT(buffers, i), R_DimSymbol);
        if (dim == R_NilValue) *next++ = length[i];
        else for (int j = 0; j < rank[i]; j++) *next++ = INTEGER_RO(dim)[j];
    }
    size += padded(sizeof counts) + padded(XLENGTH(program) * sizeof(int))
        + 2 * padded(n * sizeof(int)) + (n + n_dims) * sizeof(double);

    SEXP message = PROTECT(Rf_allocVector(RAWSXP, size));
    char *place = (char *) RAW(message);
    place = add(place, counts, sizeof counts);
    place = add(place, INTEGER_RO(program), XLENGTH(program) * sizeof(int));
    place = add(place, type, n * sizeof(int));
    place = add(place, length, n * sizeof(double));
    place = add(place, rank, n * sizeof(int));
    place = add(place, dims, n_dims * sizeof(double));
    for (R_xlen_t i = 0; i < n; i++) {
        SEXP x = VECTOR_ELT(buffers, i);
        if (rank[i] == 0) place = add(place, data_of(x), XLENGTH(x) * element_size(type[i]));
    }
    UNPROTECT(1);
    return message;
}

/* Where the next part of a message lies; moves on behind it. */
static const void *part(const char **place, const char *end, double bytes)
{
    const char *here = *place;
    if (bytes < 0 || bytes > (double) (end - here)) Rf_error("a message is shorter than it says");
    R_xlen_t step = padded((R_xlen_t) bytes);
    *place = step > end - here ? end : here + step;
    return here;
}

static SEXP vector_for(int type, double length)
{
    switch (type) {
    case AS_DOUBLE: case AS_SINGLE: return Rf_allocVector(REALSXP, (R_xlen_t) length);
    case AS_INTEGER: return Rf_allocVector(INTSXP, (R_xlen_t) length);
    case AS_RAW: return Rf_allocVector(RAWSXP, (R_xlen_t) length);
    default: Rf_error("a message holds the unknown type %d", type);
    }
}

/* Program, buffers, their types, and which of them are still to be filled. */
SEXP decode_exchange(SEXP message)
{
    const char *place = (const char *) RAW_RO(message), *end = place + XLENGTH(message);
    const int *counts = part(&place, end, 2 * sizeof(int));
    int n_program = counts[0], n = counts[1];

    const char *names[] = {"program", "buffers", "types", "apart", ""};
    SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
    SEXP program = SET_VECTOR_ELT(result, 0, Rf_allocVector(INTSXP, n_program));
    SEXP buffers = SET_VECTOR_ELT(result, 1, Rf_allocVector(VECSXP, n));
    SEXP types = SET_VECTOR_ELT(result, 2, Rf_allocVector(INTSXP, n));
    SEXP apart = SET_VECTOR_ELT(result, 3, Rf_allocVector(LGLSXP, n));

    const void *from = part(&place, end, (double) n_program * sizeof(int));
    if (n_program) memcpy(INTEGER(program), from, n_program * sizeof(int));
    from = part(&place, end, (double) n * sizeof(int));
    if (n) memcpy(INTEGER(types), from, n * sizeof(int));
    const double *length = part(&place, end, (double) n * sizeof(double));
    const int *rank = part(&place, end, (double) n * sizeof(int));
    double n_dims = 0;
    for (int i = 0; i < n; i++) n_dims += rank[i];
    const double *dims = part(&place, end, n_dims * sizeof(double));

    for (int i = 0; i < n; i++) {
        int type = INTEGER_RO(types)[i];
        SEXP x = SET_VECTOR_ELT(buffers, i, vector_for(type, length[i]));
        LOGICAL(apart)[i] = rank[i] > 0;
        if (rank[i] == 0) {
            double bytes = length[i] * element_size(type);
            from = part(&place, end, bytes);
            if (bytes > 0) {
                memcpy(TYPEOF(x) == REALSXP ? (void *) REAL(x)
                       : TYPEOF(x) == INTSXP ? (void *) INTEGER(x) : (void *) RAW(x),
                       from, (size_t) bytes);
            }
        } else if (rank[i] > 1) {
            SEXP dim = PROTECT(Rf_allocVector(INTSXP, rank[i]));
            for (int j = 0; j < rank[i]; j++) INTEGER(dim)[j] = (int) dims[j];
            Rf_setAttrib(x, R_DimSymbol, dim);
            UNPROTECT(1);
        }
        dims += rank[i];
    }
    UNPROTECT(1);
    return result;
}
