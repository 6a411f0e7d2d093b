/* Blocks of an array between R's memory and a file: cast and transposed in one pass.

   An array of R has its first dimension side by side in memory, one of Python its last. Seen as a
   matrix whose rows are the first dimension, whose columns are all others, the last the quickest,
   Python's is row-major, and each column of R's is a run of memory. A block of both goes through
   a strip of a few rows, which stays in the processor's cache: the file, often memory itself, is
   written and read in order. Without mapping it: a disk that is full is an error of fwrite(), where
   mapped memory would end R. */

#include "sklearncnn.h"
#include <errno.h>
#include <fenv.h>
#include <stdio.h>
#include <string.h>

/* As many bytes of a strip, if that is no fewer rows. */
#define STRIP_BYTES 32768
#define STRIP_ROWS 64

/* The columns, one after the other: where in R's memory they begin. */
typedef struct {
    int n;
    R_xlen_t *extent, *stride, *at;
    R_xlen_t offset;
} Columns;

static Columns columns_of(SEXP x)
{
    SEXP dim = Rf_getAttrib(x, R_DimSymbol);
    Columns columns = {dim == R_NilValue ? 0 : LENGTH(dim) - 1, NULL, NULL, NULL, 0};
    columns.extent = (R_xlen_t *) R_alloc(columns.n, sizeof(R_xlen_t));
    columns.stride = (R_xlen_t *) R_alloc(columns.n, sizeof(R_xlen_t));
    columns.at = (R_xlen_t *) R_alloc(columns.n, sizeof(R_xlen_t));
    R_xlen_t stride = 1;
    for (int j = 0; j < columns.n; j++) {
        stride *= INTEGER_RO(dim)[j];
        columns.stride[j] = stride;
        columns.extent[j] = INTEGER_RO(dim)[j + 1];
    }
    return columns;
}

static void begin_at(Columns *columns, R_xlen_t number)
{
    columns->offset = 0;
    for (int j = columns->n - 1; j >= 0; j--) {
        columns->at[j] = number % columns->extent[j];
        number /= columns->extent[j];
        columns->offset += columns->at[j] * columns->stride[j];
    }
}

/* Where this column begins; moves on to the next one. */
static R_xlen_t next_column(Columns *columns)
{
    R_xlen_t offset = columns->offset;
    for (int j = columns->n - 1; j >= 0; j--) {
        columns->offset += columns->stride[j];
        if (++columns->at[j] < columns->extent[j]) break;
        columns->offset -= columns->stride[j] * columns->extent[j];
        columns->at[j] = 0;
    }
    return offset;
}

typedef struct {
    R_xlen_t row, rows, column, columns;
} Block;

static Block block_of(SEXP x, SEXP block)
{
    const double *numbers = REAL_RO(block);
    Block b = {(R_xlen_t) numbers[0], (R_xlen_t) numbers[1],
               (R_xlen_t) numbers[2], (R_xlen_t) numbers[3]};
    SEXP dim = Rf_getAttrib(x, R_DimSymbol);
    R_xlen_t rows = dim == R_NilValue ? XLENGTH(x) : INTEGER_RO(dim)[0];
    R_xlen_t columns = rows ? XLENGTH(x) / rows : 0;
    if (b.row < 0 || b.rows < 0 || b.rows > rows - b.row || b.column < 0 || b.columns < 0 ||
        b.columns > columns - b.column) {
        Rf_error("a block reaches beyond its array");
    }
    return b;
}

/* Four columns at a time, as they share the lines of the strip: one by one takes a fifth longer. */
#define INTO_STRIP(FROM, TO)                                                                       \
    do {                                                                                           \
        const FROM *from = (const FROM *) data + row;                                              \
        TO *to = strip;                                                                            \
        R_xlen_t k = 0;                                                                            \
        for (; k + 4 <= width; k += 4, to += 4) {                                                  \
            const FROM *a = from + next_column(columns), *b = from + next_column(columns);         \
            const FROM *c = from + next_column(columns), *d = from + next_column(columns);         \
            for (R_xlen_t i = 0; i < rows; i++) {                                                  \
                to[i * width] = (TO) a[i];                                                         \
                to[i * width + 1] = (TO) b[i];                                                     \
                to[i * width + 2] = (TO) c[i];                                                     \
                to[i * width + 3] = (TO) d[i];                                                     \
            }                                                                                      \
        }                                                                                          \
        for (; k < width; k++, to++) {                                                             \
            const FROM *a = from + next_column(columns);                                           \
            for (R_xlen_t i = 0; i < rows; i++) to[i * width] = (TO) a[i];                         \
        }                                                                                          \
    } while (0)

#define OUT_OF_STRIP(FROM, TO)                                                                     \
    for (R_xlen_t k = 0; k < width; k++) {                                                         \
        const FROM *from = (const FROM *) strip + k;                                               \
        TO *to = (TO *) data + row + next_column(columns);                                         \
        for (R_xlen_t i = 0; i < rows; i++) to[i] = (TO) from[i * width];                          \
    }

/* R's and Python's types, where they may meet. */
enum { DOUBLES, SINGLES, INTEGERS, INTEGERS_AS_SINGLES, BYTES, NONE };

static int meeting(SEXP x, SEXP type)
{
    switch (TYPEOF(x)) {
    case REALSXP:
        return Rf_asInteger(type) == AS_DOUBLE ? DOUBLES : Rf_asInteger(type) == AS_SINGLE ? SINGLES : NONE;
    case INTSXP:
        return Rf_asInteger(type) == AS_INTEGER ? INTEGERS
            : Rf_asInteger(type) == AS_SINGLE ? INTEGERS_AS_SINGLES : NONE;
    case RAWSXP:
        return Rf_asInteger(type) == AS_RAW ? BYTES : NONE;
    default:
        return NONE;
    }
}

static void fill_strip(void *strip, const void *data, int types, Columns *columns,
                       R_xlen_t row, R_xlen_t rows, R_xlen_t width)
{
    switch (types) {
    case DOUBLES: INTO_STRIP(double, double); break;
    case SINGLES: INTO_STRIP(double, float); break;
    case INTEGERS: INTO_STRIP(int, int); break;
    case INTEGERS_AS_SINGLES: INTO_STRIP(int, float); break;
    case BYTES: INTO_STRIP(Rbyte, Rbyte); break;
    }
}

static void empty_strip(const void *strip, void *data, int types, Columns *columns,
                        R_xlen_t row, R_xlen_t rows, R_xlen_t width)
{
    switch (types) {
    case DOUBLES: OUT_OF_STRIP(double, double) break;
    case SINGLES: OUT_OF_STRIP(float, double) break;
    case INTEGERS: OUT_OF_STRIP(int, int) break;
    case BYTES: OUT_OF_STRIP(Rbyte, Rbyte) break;
    }
}

static void *memory_of(SEXP x)
{
    switch (TYPEOF(x)) {
    case REALSXP: return REAL(x);
    case INTSXP: return INTEGER(x);
    default: return RAW(x);
    }
}

static void move_block(SEXP x, SEXP type, SEXP block, SEXP path, SEXP offset, int out)
{
    const size_t sizes[] = {sizeof(double), sizeof(float), sizeof(int), sizeof(float), 1};
    int types = meeting(x, type);
    if (types == NONE || (!out && types == INTEGERS_AS_SINGLES)) {
        Rf_error("no block of type %d is made of '%s'", Rf_asInteger(type), Rf_type2char(TYPEOF(x)));
    }
    Block b = block_of(x, block);
    Columns columns = columns_of(x);
    if (b.columns == 0) return;
    R_xlen_t row_bytes = b.columns * (R_xlen_t) sizes[types];
    R_xlen_t height = STRIP_BYTES / row_bytes;
    if (height < STRIP_ROWS) height = STRIP_ROWS;
    if (height > b.rows) height = b.rows;
    void *data = memory_of(x), *strip = R_alloc(height, (int) row_bytes);
    const char *name = R_ExpandFileName(Rf_translateChar(STRING_ELT(path, 0)));

    /* From here to the end nothing of R's may be called: it could leave, and the file open. */
    errno = 0;
    FILE *file = fopen(name, out ? "r+b" : "rb");
    int failed = file == NULL;
    if (!failed) {
        setvbuf(file, NULL, _IONBF, 0);
        failed = fseek(file, (long) Rf_asReal(offset), SEEK_SET) != 0;
    }
    for (R_xlen_t i = 0; !failed && i < b.rows; i += height) {
        R_xlen_t rows = b.rows - i < height ? b.rows - i : height;
        begin_at(&columns, b.column);
        if (out) {
            fill_strip(strip, data, types, &columns, b.row + i, rows, b.columns);
            failed = fwrite(strip, row_bytes, rows, file) != (size_t) rows;
        } else {
            failed = fread(strip, row_bytes, rows, file) != (size_t) rows;
            if (!failed) empty_strip(strip, data, types, &columns, b.row + i, rows, b.columns);
        }
    }
    int problem = errno;
    if (file != NULL && fclose(file) != 0 && !failed) {
        failed = 1;
        problem = errno;
    }
    if (failed) Rf_error("%s: %s", name, problem ? strerror(problem) : "the file is too short");
}

/* Write rows and columns of `x`, `block` being the first row and their number, the same of columns,
   in Python's order and its type at an offset of a file. Whether a number was too large for that. */
SEXP write_block(SEXP x, SEXP type, SEXP block, SEXP path, SEXP offset)
{
    feclearexcept(FE_OVERFLOW);
    move_block(x, type, block, path, offset, 1);
    return Rf_ScalarLogical(fetestexcept(FE_OVERFLOW) != 0);
}

/* Read them into `x`, a vector that nobody else has yet. */
SEXP read_block(SEXP x, SEXP type, SEXP block, SEXP path, SEXP offset)
{
    move_block(x, type, block, path, offset, 0);
    return R_NilValue;
}
