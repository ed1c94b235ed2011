#include "matmul.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "avx2.h"

// Products with activations in f32. A column has four sums, which take turns every RUN weights along k: so one
// column alone does not wait for each addition, and many go through the weights in order; see matmul.h.

enum { PARTS = 4, RUN = 64, COLUMNS = 8 };

INLINE size_t value_bytes(apus_panel_kind kind) { return kind == APUS_PANEL_F32 ? 32 : 16; }

// The values of 8 rows at k.
INLINE __m256 values(apus_panel_kind kind, const uint8_t *panel, size_t k) {
    const uint8_t *at = panel + k * value_bytes(kind);
    if (kind == APUS_PANEL_F32) return _mm256_loadu_ps((const float *)at);
    if (kind == APUS_PANEL_F16) return load_f16(at);
    const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)at));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
}

// The weights first ..< end, of one run, into one sum of each column.
INLINE void add_run(
    apus_panel_kind kind, const uint8_t *panel, size_t first, size_t end, const float *x, size_t x_stride, int n,
    __m256 *sums) {
    __m256 s[COLUMNS];
    UNROLL for (int c = 0; c < n; c++) s[c] = sums[c];
    for (size_t k = first; k < end; k++) {
        const __m256 w = values(kind, panel, k);
        UNROLL for (int c = 0; c < n; c++)
            s[c] = _mm256_fmadd_ps(w, _mm256_broadcast_ss(x + (size_t)c * x_stride + k), s[c]);
    }
    UNROLL for (int c = 0; c < n; c++) sums[c] = s[c];
}

// For one or two columns the four sums run side by side.
INLINE void add_four_runs(
    apus_panel_kind kind, const uint8_t *panel, size_t first, const float *x, size_t x_stride, int n,
    __m256 (*sums)[COLUMNS]) {
    for (size_t k = first; k < first + RUN; k++) {
        UNROLL for (size_t part = 0; part < PARTS; part++) {
            const __m256 w = values(kind, panel, k + part * RUN);
            UNROLL for (int c = 0; c < n; c++) {
                const __m256 value = _mm256_broadcast_ss(x + (size_t)c * x_stride + k + part * RUN);
                sums[part][c] = _mm256_fmadd_ps(w, value, sums[part][c]);
            }
        }
    }
}

INLINE void panel_times_columns(
    apus_panel_kind kind, const uint8_t *panel, size_t k, const float *x, size_t x_stride, int n, float *out,
    size_t out_stride) {
    __m256 sums[PARTS][COLUMNS];
    UNROLL for (int i = 0; i < PARTS * n; i++) sums[i / n][i % n] = _mm256_setzero_ps();
    size_t at = 0;
    for (; n <= 2 && at + PARTS * RUN <= k; at += PARTS * RUN) add_four_runs(kind, panel, at, x, x_stride, n, sums);
    for (; at < k; at += RUN)
        add_run(kind, panel, at, k - at < RUN ? k : at + RUN, x, x_stride, n, sums[at / RUN % PARTS]);
    UNROLL for (int c = 0; c < n; c++) {
        const __m256 sum =
            _mm256_add_ps(_mm256_add_ps(sums[0][c], sums[1][c]), _mm256_add_ps(sums[2][c], sums[3][c]));
        _mm256_storeu_ps(out + (size_t)c * out_stride, sum);
    }
}

INLINE void panels_of_kind(
    apus_panel_kind kind, const uint8_t *panel, size_t panels, size_t k, const float *x, size_t x_stride, size_t count,
    float *out, size_t out_stride) {
    const size_t panel_bytes = apus_panel_bytes(kind, k);
    for (size_t p = 0; p < panels; p++, panel += panel_bytes, out += APUS_PANEL_ROWS) {
        size_t c = 0;
        for (; count - c >= 8; c += 8)
            panel_times_columns(kind, panel, k, x + c * x_stride, x_stride, 8, out + c * out_stride, out_stride);
        for (; count - c >= 4; c += 4)
            panel_times_columns(kind, panel, k, x + c * x_stride, x_stride, 4, out + c * out_stride, out_stride);
        for (; count - c >= 2; c += 2)
            panel_times_columns(kind, panel, k, x + c * x_stride, x_stride, 2, out + c * out_stride, out_stride);
        if (c < count)
            panel_times_columns(kind, panel, k, x + c * x_stride, x_stride, 1, out + c * out_stride, out_stride);
    }
}

void apus_avx2_matmul_float(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const float *x, size_t x_stride, size_t count,
    float *out, size_t out_stride) {
    switch (kind) {
    case APUS_PANEL_F32: panels_of_kind(APUS_PANEL_F32, panel, panels, k, x, x_stride, count, out, out_stride); break;
    case APUS_PANEL_BF16: panels_of_kind(APUS_PANEL_BF16, panel, panels, k, x, x_stride, count, out, out_stride); break;
    default: panels_of_kind(APUS_PANEL_F16, panel, panels, k, x, x_stride, count, out, out_stride); break;
    }
}

#pragma clang attribute pop
#endif
