// zlib, and as functions what it has as macros, which Swift does not import.
#ifndef APUS_CZLIB_H
#define APUS_CZLIB_H
#include <zlib.h>

static inline int apus_deflate_init(z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

static inline int apus_inflate_init(z_stream *stream, int window_bits) {
    return inflateInit2(stream, window_bits);
}
#endif
