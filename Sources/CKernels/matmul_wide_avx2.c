#include "matmul.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "avx2.h"
#include "panel_kinds.h"

// Codes of 8 and of 16 bits with many columns: unpacked to 16 bits and multiplied in pairs by madd. For bytes that costs
// what cutting them into two parts for maddubs does; but activations have 16 bits then too, and both planes of a column go
// as one: 1.8 times as fast. Panels go together, so that columns are widened once for all of them; both in tiles, along k.

enum { TILE_GROUPS = 24, COLUMNS_MAX = 64, PANELS_MAX = 8 };

// The k of a group in pairs for madd: [0] those of 0 and 2, 4 and 6, ..., [1] those of 1 and 3, 5 and 7, ...
typedef struct { int16_t pairs[2][APUS_GROUP / 2]; } wide_column;
typedef struct { __m256i pairs[APUS_GROUP / 4][2]; } wide_rows;

// What tiles are unpacked to: 115 KiB that stay in the second-level cache, of them one panel's 13 in the first.
typedef struct {
    wide_column columns[COLUMNS_MAX][TILE_GROUPS];
    float column_scales[COLUMNS_MAX][TILE_GROUPS];
    wide_rows rows[TILE_GROUPS];
    __m256 scales[TILE_GROUPS];
} tile;

// The codes at even and at odd places in 16 bits.
INLINE __m256i even_codes(__m256i codes) { return _mm256_srai_epi16(_mm256_slli_epi16(codes, 8), 8); }
INLINE __m256i odd_codes(__m256i codes) { return _mm256_srai_epi16(codes, 8); }

INLINE void widen_column(
    const apus_activations *x, size_t stride, int together, size_t count, wide_column *to, float *scales) {
    const __m256i steps = _mm256_set1_epi16(APUS_PLANE_STEPS);
    for (size_t i = 0; i < count; i++, x++) {
        const apus_activations *last = together == 2 ? x + stride : x;
        const __m256i codes = load(last->codes);
        __m256i even = even_codes(codes), odd = odd_codes(codes);
        if (together == 2) {
            const __m256i first = load(x->codes);
            even = _mm256_add_epi16(even, _mm256_mullo_epi16(even_codes(first), steps));
            odd = _mm256_add_epi16(odd, _mm256_mullo_epi16(odd_codes(first), steps));
        }
        store(to[i].pairs[0], even), store(to[i].pairs[1], odd);
        scales[i] = last->scale;
    }
}

INLINE const uint8_t *widen_rows(apus_panel_kind kind, const uint8_t *panel, size_t count, tile *to) {
    const __m256i offset = _mm256_set1_epi8((char)0x80), low = _mm256_set1_epi16(0xff);
    for (size_t i = 0; i < count; i++) {
        to->scales[i] = load_f16(panel);
        panel += 16;
        UNROLL for (size_t j = 0; j < 8; j++) {
            const __m256i codes = _mm256_xor_si256(load(panel + j * 32), offset);
            __m256i even = even_codes(codes), odd = odd_codes(codes);
            if (kind == APUS_PANEL_I16) {
                const __m256i lower = load(panel + 256 + j * 32);
                even = _mm256_or_si256(_mm256_slli_epi16(codes, 8), _mm256_and_si256(lower, low));
                odd = _mm256_or_si256(_mm256_andnot_si256(low, codes), _mm256_srli_epi16(lower, 8));
            }
            to->rows[i].pairs[j][0] = even, to->rows[i].pairs[j][1] = odd;
        }
        panel += kind == APUS_PANEL_I16 ? 512 : 256;
    }
    return panel;
}

// Adds what a tile gives for columns first ..< first + np to their sums.
INLINE void columns_over_tile(const tile *w, size_t count, size_t first, int np, __m256 *acc) {
    const wide_column *x[8];
    UNROLL for (int c = 0; c < np; c++) x[c] = w->columns[first + (size_t)c];
    for (size_t i = 0; i < count; i++) {
        __m256i sums[8];
        UNROLL for (int c = 0; c < np; c++) {
            KEEP_POINTER(x[c]);
            sums[c] = _mm256_setzero_si256();
        }
        UNROLL for (size_t j = 0; j < 8; j++) {
            UNROLL for (int odd = 0; odd < 2; odd++) {
                const __m256i rows = w->rows[i].pairs[j][odd];
                UNROLL for (int c = 0; c < np; c++) {
                    const __m256i two = broadcast_32(x[c]->pairs[odd] + j * 2);
                    sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(rows, two));
                    KEEP(sums[c]);
                }
            }
        }
        UNROLL for (int c = 0; c < np; c++) {
            const __m256 column_scale = _mm256_broadcast_ss(&w->column_scales[first + (size_t)c][i]);
            acc[c] = _mm256_fmadd_ps(
                _mm256_cvtepi32_ps(sums[c]), _mm256_mul_ps(w->scales[i], column_scale), acc[c]);
            x[c]++;
        }
    }
}

INLINE size_t block_size(size_t left) { return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1; }

// `columns`: of so many physical ones `together`.
INLINE void panels_times_columns(
    apus_panel_kind kind, const uint8_t *panel, size_t panel_bytes, int panels, const apus_activations *x, size_t groups,
    size_t columns, int together, int planes, float *out, size_t out_stride) {
    const size_t stride = apus_column_stride(groups), tiles = (groups + TILE_GROUPS - 1) / TILE_GROUPS;
    __m256 acc[PANELS_MAX][COLUMNS_MAX];
    const uint8_t *at[PANELS_MAX];
    tile w;
    for (int p = 0; p < panels; p++) {
        at[p] = panel + (size_t)p * panel_bytes;
        memset(acc[p], 0, columns * sizeof acc[p][0]);
    }
    for (size_t i = 0; i < tiles; i++) {
        const size_t first = groups * i / tiles, count = groups * (i + 1) / tiles - first;
        for (size_t c = 0; c < columns; c++)
            widen_column(
                x + c * (size_t)together * stride + first, stride, together, count, w.columns[c], w.column_scales[c]);
        for (int p = 0; p < panels; p++) {
            at[p] = widen_rows(kind, at[p], count, &w);
            for (size_t c = 0, size; c < columns; c += size) {
                size = block_size(columns - c);
                switch (size) {
                case 8: columns_over_tile(&w, count, c, 8, acc[p] + c); break;
                case 4: columns_over_tile(&w, count, c, 4, acc[p] + c); break;
                case 2: columns_over_tile(&w, count, c, 2, acc[p] + c); break;
                default: columns_over_tile(&w, count, c, 1, acc[p] + c); break;
                }
            }
        }
    }
    const size_t added = (size_t)(planes / together); // of columns that give one sum
    for (size_t c = added - 1; c < columns; c += added, out += out_stride) {
        for (int p = 0; p < panels; p++) {
            const __m256 sum = added == 2 ? _mm256_add_ps(acc[p][c - 1], acc[p][c]) : acc[p][c];
            _mm256_storeu_ps(out + p * APUS_PANEL_ROWS, sum);
        }
    }
}

INLINE void multiply(
    apus_panel_kind kind, const uint8_t *panel, size_t panel_bytes, int panels, const apus_activations *x, size_t groups,
    size_t np, int planes, float *out, size_t out_stride) {
    const int together = joins_planes(kind) ? planes : 1;
    for (size_t left = np / (size_t)together; left;) {
        const size_t columns = left < COLUMNS_MAX ? left : COLUMNS_MAX;
        panels_times_columns(
            kind, panel, panel_bytes, panels, x, groups, columns, together, planes, out, out_stride);
        left -= columns, x += columns * (size_t)together * apus_column_stride(groups);
        out += columns * (size_t)together / (size_t)planes * out_stride;
    }
}

#define KIND(KIND, NAME)                                                                                           \
    void apus_avx2_matmul_wide_##NAME(                                                                             \
        const uint8_t *panel, size_t panel_bytes, int panels, const apus_activations *x, size_t groups, size_t np, \
        int planes, float *out, size_t out_stride) {                                                               \
        if (planes == 2) multiply(KIND, panel, panel_bytes, panels, x, groups, np, 2, out, out_stride);            \
        else multiply(KIND, panel, panel_bytes, panels, x, groups, np, 1, out, out_stride);                        \
    }
KIND(APUS_PANEL_Q8_0, q8_0)
KIND(APUS_PANEL_I16, i16)
#undef KIND

#pragma clang attribute pop
#endif
