#include "dequantize.h"
#include "matmul.h"
#include "panel_kinds.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#include "groups_avx512.h"

// vpdpbusd multiplies four unsigned codes of weights with four signed codes of activations and adds them to a lane of
// 32 bits: nothing can overflow, and 8-bit codes cost what 4-bit codes do. Two panels go together, 16 rows in the 16
// lanes of a register; a group's codes are unpacked into eight registers and multiplied with up to sixteen
// columns, whose activations are broadcast by the instruction that multiplies.
//
// An offset is taken off by what the sums begin with: minus the offset times the sum of the activations.

// Columns that are multiplied together. Sixteen fill the registers; eight leave their activations in the first-level
// cache, which is better unless unpacking a group costs much.
enum { TOGETHER = 16, FEWER = 8 };

// 2^bits times minus the sum of a column's codes, in every lane.
INLINE __m512i beginning(const int32_t *sum, int bits) {
    return bits ? _mm512_slli_epi32(_mm512_set1_epi32(*sum), (unsigned)bits) : _mm512_setzero_si512();
}

// What stored codes are above those that are multiplied; scale_codes has its own offset.
INLINE int sum_bits(apus_panel_kind kind) { return kind == APUS_PANEL_Q3_K ? 7 : offset_bits(kind); }

// Minus the sums of a column's codes in both halves, side by side in 16 bits.
INLINE __m512i half_sums(const apus_activations *x) {
    int64_t halves;
    memcpy(&halves, x->halves, sizeof halves);
    return _mm512_packs_epi32(_mm512_set1_epi64(halves), _mm512_set1_epi64(halves));
}

INLINE __m512i dot_of_column(apus_panel_kind kind, const group *w, const apus_activations *x) {
    __m512i sum = beginning(&x->whole, sum_bits(kind)), low = _mm512_setzero_si512();
    UNROLL for (int j = 0; j < 8; j++) {
        const __m512i b = broadcast_32(x->codes + j * 4);
        sum = _mm512_dpbusd_epi32(sum, w->codes[j], b);
        if (kind == APUS_PANEL_I16) low = _mm512_dpbusd_epi32(low, w->low[j], b);
    }
    return kind == APUS_PANEL_I16 ? _mm512_add_epi32(_mm512_slli_epi32(sum, 8), low) : sum;
}

// `first`: the dot product with the plane before, that is joined with this one; or nothing.
INLINE __m512 accumulate(
    apus_panel_kind kind, const group *w, const apus_activations *x, const __m512i *first, __m512 acc) {
    const __m512 column_scale = _mm512_set1_ps(x->scale);
    if (kind == APUS_PANEL_Q6_K) {
        __m512i halves[2] = {beginning(&x->halves[0], 5), beginning(&x->halves[1], 5)};
        UNROLL for (int j = 0; j < 8; j++)
            halves[j / 4] = _mm512_dpbusd_epi32(halves[j / 4], w->codes[j], broadcast_32(x->codes + j * 4));
        // Whole numbers below 2^24: 32 * 127 * 16 * 128 * 2.
        const __m512 second = _mm512_mul_ps(_mm512_cvtepi32_ps(halves[1]), w->half_scales[1]);
        const __m512 dot = _mm512_fmadd_ps(_mm512_cvtepi32_ps(halves[0]), w->half_scales[0], second);
        return _mm512_fmadd_ps(dot, _mm512_mul_ps(w->scale, column_scale), acc);
    }
    __m512i sum = dot_of_column(kind, w, x);
    if (first) sum = _mm512_add_epi32(_mm512_mullo_epi32(*first, _mm512_set1_epi32(APUS_PLANE_STEPS)), sum);
    const __m512 dot = _mm512_cvtepi32_ps(sum);
    if (has_half_mins(kind)) {
        const __m512 min_dot = _mm512_cvtepi32_ps(_mm512_madd_epi16(half_sums(x), w->half_mins));
        return _mm512_fmadd_ps(_mm512_fmadd_ps(w->min, min_dot, _mm512_mul_ps(w->scale, dot)), column_scale, acc);
    }
    acc = _mm512_fmadd_ps(dot, _mm512_mul_ps(w->scale, column_scale), acc);
    return has_min(kind) ? _mm512_fmadd_ps(w->min, _mm512_set1_ps(x->sum), acc) : acc;
}

// Asks for what stands `ahead` bytes after the bytes from ... p of both panels. The processor's own prefetching reads
// on beyond the end of a panel, into the other one, which is there already; so two streams come at three quarters
// of the speed of one, unless the pair that comes next is asked for in good time (measured).
INLINE void prefetch(const panel_pair *from, const panel_pair *p, size_t ahead) {
    for (size_t i = 0; from->at[0] + i < p->at[0]; i += 64) {
        _mm_prefetch((const char *)(from->at[0] + ahead + i), _MM_HINT_T1);
        _mm_prefetch((const char *)(from->at[1] + ahead + i), _MM_HINT_T1);
    }
}

// Two panels, or one, times np physical columns: each group is multiplied as it is read.
//
// `ahead`: how far away the panels are that will be read next; 0 when these are read again.
INLINE void pair_times_columns(
    apus_panel_kind kind, panel_pair pair, int panels, size_t ahead, const apus_activations *x, size_t groups, int np,
    int planes, float *out, size_t out_stride) {
    const size_t stride = apus_column_stride(groups);
    const int together = joins_planes(kind) ? planes : 1;
    __m512 acc[TOGETHER];
    super_scales super;
    UNROLL for (int c = 0; c < np; c++) acc[c] = _mm512_setzero_ps();
    for (size_t g = 0; g < groups; g++, x++) {
        const panel_pair from = pair;
        group w;
        read_group(kind, &pair, g, &super, &w);
        if (ahead) prefetch(&from, &pair, ahead);
        UNROLL for (int c = together - 1; c < np; c += together) {
            const apus_activations *at = x + (size_t)c * stride;
            __m512i first;
            if (together == 2) first = dot_of_column(kind, &w, at - stride);
            acc[c] = accumulate(kind, &w, at, together == 2 ? &first : NULL, acc[c]);
        }
    }
    const __mmask16 rows = panels == 2 ? 0xffff : 0xff;
    UNROLL for (int c = planes - 1; c < np; c += planes) {
        if (together < planes) acc[c] = _mm512_add_ps(acc[c - 1], acc[c]);
        _mm512_mask_storeu_ps(out + (size_t)(c / planes) * out_stride, rows, acc[c]);
    }
}

#define TIMES(KIND, N, PLANES) \
    case N: pair_times_columns(APUS_PANEL_##KIND, pair, panels, ahead, x, groups, N, PLANES, out, out_stride); break;
#define KIND(KIND)                                                                                                \
    static __attribute__((noinline)) void times_##KIND(                                                           \
        panel_pair pair, int panels, size_t ahead, const apus_activations *x, size_t groups, size_t np,           \
        int planes, float *out, size_t out_stride) {                                                              \
        if (planes == 2) {                                                                                        \
            switch (np) { TIMES(KIND, 2, 2) TIMES(KIND, 4, 2) TIMES(KIND, 8, 2) TIMES(KIND, 16, 2) }              \
        } else {                                                                                                  \
            switch (np) {                                                                                         \
                TIMES(KIND, 1, 1) TIMES(KIND, 2, 1) TIMES(KIND, 4, 1) TIMES(KIND, 8, 1) TIMES(KIND, 16, 1)        \
            }                                                                                                     \
        }                                                                                                         \
    }
QUANTIZED_KINDS

typedef void pair_function(
    panel_pair, int, size_t, const apus_activations *, size_t, size_t, int, float *, size_t);

static const struct {
    pair_function *times;
    size_t together;
    // Whether one column alone is left to AVX2: memory bounds it then, and is read fastest one panel after the other.
    // Not where unpacking costs AVX2 more than that (measured on models of 90 to 670 MB).
    int singly;
} products[] = {
    [APUS_PANEL_Q4_0] = {times_Q4_0, FEWER, 1},        [APUS_PANEL_Q4_1] = {times_Q4_1, FEWER, 0},
    [APUS_PANEL_Q5_0] = {times_Q5_0, FEWER, 1},        [APUS_PANEL_Q5_1] = {times_Q5_1, TOGETHER, 1},
    [APUS_PANEL_Q8_0] = {times_Q8_0, FEWER, 1},        [APUS_PANEL_Q4_K] = {times_Q4_K, FEWER, 1},
    [APUS_PANEL_Q5_K] = {times_Q5_K, TOGETHER, 1},     [APUS_PANEL_Q6_K] = {times_Q6_K, TOGETHER, 0},
    [APUS_PANEL_Q2_K] = {times_Q2_K, TOGETHER, 0},     [APUS_PANEL_Q3_K] = {times_Q3_K, TOGETHER, 1},
    [APUS_PANEL_IQ4_NL] = {times_IQ4_NL, TOGETHER, 0}, [APUS_PANEL_IQ4_XS] = {times_IQ4_XS, TOGETHER, 0},
    [APUS_PANEL_MXFP4] = {times_MXFP4, TOGETHER, 1},   [APUS_PANEL_I16] = {times_I16, FEWER, 1},
};

// The next columns of those that are left: a size that the functions above have, at most `most`.
INLINE size_t next_size(size_t left, size_t most) {
    return left >= most ? most : left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

void apus_avx512_matmul_quantized(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x, int planes,
    size_t first_column, size_t count, float *out, size_t out_stride) {
    if (count * (size_t)planes == 1 && products[kind].singly) {
        apus_avx2_matmul_quantized(kind, panel, panels, k, x, planes, first_column, count, out, out_stride);
        return;
    }
    const size_t panel_bytes = apus_panel_bytes(kind, k), groups = k / APUS_GROUP, stride = apus_column_stride(groups);
    const uint8_t *at = panel;
    for (size_t p = 0; p < panels; p += 2, at += 2 * panel_bytes, out += 2 * APUS_PANEL_ROWS) {
        const int taken = panels - p == 1 ? 1 : 2;
        const panel_pair pair = {{at, taken == 2 ? at + panel_bytes : at}};
        const apus_activations *here = x + first_column * (size_t)planes * stride;
        size_t ahead = 2 * panel_bytes;
        float *to = out;
        for (size_t left = count * (size_t)planes; left; ahead = 0) {
            const size_t np = next_size(left, products[kind].together);
            products[kind].times(pair, taken, ahead, here, groups, np, planes, to, out_stride);
            left -= np, here += np * stride, to += np / (size_t)planes * out_stride;
        }
    }
}

#pragma clang attribute pop
#endif
