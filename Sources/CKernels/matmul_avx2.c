#include "matmul.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

// maddubs gives pairs of products in 16 bits; how many of those may be added before one madd to 32 bits
// follows from 2 * code * 127 <= 32767: eight for 4-bit codes, four for 5-bit, two for 6-bit ones.

typedef struct {
    const int8_t *codes;
    const float *scales, *sums;
    const int16_t *halves;
    size_t groups; // of one physical column
} columns;

INLINE __m256i load(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE __m256 load_f16(const uint8_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
INLINE __m256 load_u8(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}

// Four consecutive codes of physical column c, in every lane.
INLINE __m256i four_codes(const columns *x, size_t c, size_t g, size_t vector) {
    int32_t word;
    memcpy(&word, x->codes + (c * x->groups + g) * APUS_GROUP + vector * 4, 4);
    return _mm256_set1_epi32(word);
}

// acc[c] += float(dot[c]) * scale * column scale, then min * column sum.
INLINE void accumulate(
    const columns *x, size_t c, size_t g, __m256i dot, __m256 scale, __m256 min, int has_min, __m256 *acc) {
    const __m256 both = _mm256_mul_ps(scale, _mm256_broadcast_ss(x->scales + c * x->groups + g));
    *acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), both, *acc);
    if (has_min) *acc = _mm256_fmadd_ps(min, _mm256_broadcast_ss(x->sums + c * x->groups + g), *acc);
}

// Dot products of one group of nibbles, with fifth bits where the format has them.
INLINE void dots_4_5(
    const uint8_t *nibbles, const uint8_t *bits, const columns *x, size_t g, int np, __m256i *dots) {
    const __m256i low = _mm256_set1_epi8(15), sixteen = _mm256_set1_epi8(16), ones = _mm256_set1_epi16(1);
    const __m256i fifth = bits ? load(bits) : _mm256_setzero_si256();
    __m256i sums[8];
    UNROLL for (int c = 0; c < np; c++) dots[c] = _mm256_setzero_si256();
    UNROLL for (size_t j = 0; j < 4; j++) {
        const __m256i packed = load(nibbles + j * 32);
        __m256i first = _mm256_and_si256(packed, low);
        __m256i second = _mm256_and_si256(_mm256_srli_epi16(packed, 4), low);
        if (bits) {
            first = _mm256_or_si256(first, _mm256_and_si256(_mm256_slli_epi16(fifth, (int)(4 - j)), sixteen));
            second = _mm256_or_si256(second, _mm256_and_si256(_mm256_srli_epi16(fifth, (int)j), sixteen));
        }
        UNROLL for (int c = 0; c < np; c++) {
            const __m256i both = _mm256_add_epi16(
                _mm256_maddubs_epi16(first, four_codes(x, (size_t)c, g, j)),
                _mm256_maddubs_epi16(second, four_codes(x, (size_t)c, g, j + 4)));
            const int starts = bits ? j % 2 == 0 : j == 0, ends = bits ? j % 2 == 1 : j == 3;
            sums[c] = starts ? both : _mm256_add_epi16(sums[c], both);
            if (ends) dots[c] = _mm256_add_epi32(dots[c], _mm256_madd_epi16(sums[c], ones));
        }
    }
}

INLINE void legacy(apus_panel_kind kind, const uint8_t *panel, const columns *x, int np, __m256 *acc) {
    const int has_min = kind == APUS_PANEL_Q4_1 || kind == APUS_PANEL_Q5_1;
    const int has_bits = kind == APUS_PANEL_Q5_0 || kind == APUS_PANEL_Q5_1;
    const __m256 offset = _mm256_set1_ps(kind == APUS_PANEL_Q4_0 ? -8.0f : -16.0f);
    const size_t head = has_min ? 32 : 16, group_bytes = head + (has_bits ? 32 : 0) + 128;
    for (size_t g = 0; g < x->groups; g++, panel += group_bytes) {
        const __m256 scale = load_f16(panel);
        const __m256 min = has_min ? load_f16(panel + 16) : _mm256_mul_ps(scale, offset);
        __m256i dots[8];
        dots_4_5(panel + head + (has_bits ? 32 : 0), has_bits ? panel + head : NULL, x, g, np, dots);
        UNROLL for (int c = 0; c < np; c++) accumulate(x, (size_t)c, g, dots[c], scale, min, 1, &acc[c]);
    }
}

// Bytes are taken as 16*high + low, both unsigned nibbles: no saturation, and dearer only by the unpacking.
INLINE void q8_0(const uint8_t *panel, const columns *x, int np, __m256 *acc) {
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1), sixteens = _mm256_set1_epi16(16);
    const __m256 offset = _mm256_set1_ps(-128.0f);
    for (size_t g = 0; g < x->groups; g++, panel += 16 + 256) {
        __m256i sums_low[8], sums_high[8];
        UNROLL for (size_t j = 0; j < 8; j++) {
            const __m256i bytes = load(panel + 16 + j * 32);
            const __m256i lows = _mm256_and_si256(bytes, low);
            const __m256i highs = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low);
            UNROLL for (int c = 0; c < np; c++) {
                const __m256i codes = four_codes(x, (size_t)c, g, j);
                const __m256i a = _mm256_maddubs_epi16(lows, codes), b = _mm256_maddubs_epi16(highs, codes);
                sums_low[c] = j ? _mm256_add_epi16(sums_low[c], a) : a;
                sums_high[c] = j ? _mm256_add_epi16(sums_high[c], b) : b;
            }
        }
        const __m256 scale = load_f16(panel), min = _mm256_mul_ps(scale, offset);
        UNROLL for (int c = 0; c < np; c++) {
            const __m256i dot = _mm256_add_epi32(
                _mm256_madd_epi16(sums_low[c], ones), _mm256_madd_epi16(sums_high[c], sixteens));
            accumulate(x, (size_t)c, g, dot, scale, min, 1, &acc[c]);
        }
    }
}

INLINE void q4_k_q5_k(apus_panel_kind kind, const uint8_t *panel, const columns *x, int np, __m256 *acc) {
    const size_t bits_bytes = kind == APUS_PANEL_Q5_K ? 32 : 0;
    const __m256 negative = _mm256_set1_ps(-0.0f);
    for (size_t super = 0; super < x->groups; super += 8) {
        const __m256 d = load_f16(panel), m = load_f16(panel + 16);
        panel += 32;
        for (size_t g = super; g < super + 8; g++, panel += 16 + bits_bytes + 128) {
            const __m256 scale = _mm256_mul_ps(d, load_u8(panel));
            const __m256 min = _mm256_xor_ps(_mm256_mul_ps(m, load_u8(panel + 8)), negative);
            __m256i dots[8];
            dots_4_5(panel + 16 + bits_bytes, bits_bytes ? panel + 16 : NULL, x, g, np, dots);
            UNROLL for (int c = 0; c < np; c++) accumulate(x, (size_t)c, g, dots[c], scale, min, 1, &acc[c]);
        }
    }
}

// The signed scales of the two half groups are applied by the madd itself.
INLINE void q6_k(const uint8_t *panel, const columns *x, int np, __m256 *acc) {
    const __m256i low = _mm256_set1_epi8(15), upper = _mm256_set1_epi8(0x30);
    for (size_t super = 0; super < x->groups; super += 8) {
        const __m256 d = load_f16(panel);
        panel += 32;
        for (size_t g = super; g < super + 8; g++, panel += 16 + 64 + 128) {
            // i16 pairs (scale of half 0, scale of half 1) per row, and each of them twice
            const __m256i scales = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)panel));
            const __m256i scale_0 = _mm256_or_si256(
                _mm256_and_si256(scales, _mm256_set1_epi32(0xffff)), _mm256_slli_epi32(scales, 16));
            const __m256i scale_1 = _mm256_or_si256(
                _mm256_andnot_si256(_mm256_set1_epi32(0xffff), scales), _mm256_srli_epi32(scales, 16));
            const __m256i pairs_0 = load(panel + 16), pairs_1 = load(panel + 48);
            const uint8_t *nibbles = panel + 16 + 64;
            __m256i dots[8], sums_0[8], sums_1[8];
            UNROLL for (int c = 0; c < np; c++) dots[c] = _mm256_setzero_si256();
            UNROLL for (size_t j = 0; j < 4; j++) {
                const __m256i packed = load(nibbles + j * 32);
                const int left = j == 0 ? 4 : j == 1 ? 2 : 0, right = j == 3 ? 2 : 0;
                const __m256i shifted_0 = _mm256_srli_epi16(_mm256_slli_epi16(pairs_0, left), right);
                const __m256i shifted_1 = _mm256_srli_epi16(_mm256_slli_epi16(pairs_1, left), right);
                const __m256i first =
                    _mm256_or_si256(_mm256_and_si256(packed, low), _mm256_and_si256(shifted_0, upper));
                const __m256i second = _mm256_or_si256(
                    _mm256_and_si256(_mm256_srli_epi16(packed, 4), low), _mm256_and_si256(shifted_1, upper));
                UNROLL for (int c = 0; c < np; c++) {
                    const __m256i a = _mm256_maddubs_epi16(first, four_codes(x, (size_t)c, g, j));
                    const __m256i b = _mm256_maddubs_epi16(second, four_codes(x, (size_t)c, g, j + 4));
                    if (j % 2 == 0) {
                        sums_0[c] = a, sums_1[c] = b;
                    } else {
                        const __m256i part = _mm256_add_epi32(
                            _mm256_madd_epi16(_mm256_add_epi16(sums_0[c], a), scale_0),
                            _mm256_madd_epi16(_mm256_add_epi16(sums_1[c], b), scale_1));
                        dots[c] = _mm256_add_epi32(dots[c], part);
                    }
                }
            }
            UNROLL for (int c = 0; c < np; c++) {
                int32_t halves;
                memcpy(&halves, x->halves + ((size_t)c * x->groups + g) * 2, 4);
                const __m256i offset = _mm256_madd_epi16(scales, _mm256_set1_epi32(halves));
                const __m256i dot = _mm256_sub_epi32(dots[c], _mm256_slli_epi32(offset, 5));
                accumulate(x, (size_t)c, g, dot, d, d, 0, &acc[c]);
            }
        }
    }
}

// np physical columns: np / planes results of 8 rows each.
INLINE void block(
    apus_panel_kind kind, const uint8_t *panel, const columns *x, int np, int planes, float *out, size_t out_stride) {
    __m256 acc[8];
    UNROLL for (int c = 0; c < np; c++) acc[c] = _mm256_setzero_ps();
    switch (kind) {
    case APUS_PANEL_Q4_0: legacy(APUS_PANEL_Q4_0, panel, x, np, acc); break;
    case APUS_PANEL_Q4_1: legacy(APUS_PANEL_Q4_1, panel, x, np, acc); break;
    case APUS_PANEL_Q5_0: legacy(APUS_PANEL_Q5_0, panel, x, np, acc); break;
    case APUS_PANEL_Q5_1: legacy(APUS_PANEL_Q5_1, panel, x, np, acc); break;
    case APUS_PANEL_Q8_0: q8_0(panel, x, np, acc); break;
    case APUS_PANEL_Q4_K: q4_k_q5_k(APUS_PANEL_Q4_K, panel, x, np, acc); break;
    case APUS_PANEL_Q5_K: q4_k_q5_k(APUS_PANEL_Q5_K, panel, x, np, acc); break;
    case APUS_PANEL_Q6_K: q6_k(panel, x, np, acc); break;
    case APUS_PANEL_F32:
    case APUS_PANEL_F16:
    case APUS_PANEL_BF16:
    case APUS_PANEL_NONE: break;
    }
    if (planes == 1) {
        UNROLL for (int c = 0; c < np; c++) _mm256_storeu_ps(out + (size_t)c * out_stride, acc[c]);
    } else {
        UNROLL for (int c = 0; c + 1 < np; c += 2)
            _mm256_storeu_ps(out + (size_t)(c / 2) * out_stride, _mm256_add_ps(acc[c], acc[c + 1]));
    }
}

#define BLOCK(NP)                                                                                              \
    static __attribute__((noinline)) void block_##NP(                                                          \
        apus_panel_kind kind, const uint8_t *panel, const columns *x, int planes, float *out, size_t stride) { \
        block(kind, panel, x, NP, planes, out, stride);                                                        \
    }
BLOCK(1)
BLOCK(2)
BLOCK(4)
BLOCK(6)

static void panel_times_columns(
    apus_panel_kind kind, const uint8_t *panel, size_t groups, const apus_activations *x, int planes,
    size_t first_column, size_t count, float *out, size_t out_stride) {
    size_t physical = first_column * (size_t)planes, left = count * (size_t)planes;
    while (left) {
        const size_t at = physical * groups;
        const columns here = {x->codes + at * APUS_GROUP, x->scales + at, x->sums + at, x->halves + at * 2, groups};
        const size_t np = left >= 6 && left != 8 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        switch (np) {
        case 6: block_6(kind, panel, &here, planes, out, out_stride); break;
        case 4: block_4(kind, panel, &here, planes, out, out_stride); break;
        case 2: block_2(kind, panel, &here, planes, out, out_stride); break;
        default: block_1(kind, panel, &here, planes, out, out_stride); break;
        }
        physical += np, left -= np, out += np / (size_t)planes * out_stride;
    }
}

void apus_avx2_matmul_quantized(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x, int planes,
    size_t first_column, size_t count, float *out, size_t out_stride) {
    const size_t panel_bytes = apus_panel_bytes(kind, k);
    const uint8_t *at = panel;
    for (size_t p = 0; p < panels; p++, at += panel_bytes, out += APUS_PANEL_ROWS)
        panel_times_columns(kind, at, k / APUS_GROUP, x, planes, first_column, count, out, out_stride);
}

INLINE __m256 float_rows(apus_panel_kind kind, const uint8_t *panel, size_t i) {
    switch (kind) {
    case APUS_PANEL_F32: return _mm256_loadu_ps((const float *)(panel + i * 32));
    case APUS_PANEL_BF16:
        return _mm256_castsi256_ps(_mm256_slli_epi32(
            _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(panel + i * 16))), 16));
    default: return load_f16(panel + i * 16);
    }
}

INLINE void float_block(
    apus_panel_kind kind, const uint8_t *panel, size_t k, const float *x, size_t x_stride, int n, float *out,
    size_t out_stride) {
    __m256 acc[8];
    UNROLL for (int c = 0; c < n; c++) acc[c] = _mm256_setzero_ps();
    for (size_t i = 0; i < k; i++) {
        const __m256 rows = float_rows(kind, panel, i);
        UNROLL for (int c = 0; c < n; c++)
            acc[c] = _mm256_fmadd_ps(rows, _mm256_broadcast_ss(x + (size_t)c * x_stride + i), acc[c]);
    }
    UNROLL for (int c = 0; c < n; c++) _mm256_storeu_ps(out + (size_t)c * out_stride, acc[c]);
}

INLINE void float_columns(
    apus_panel_kind kind, const uint8_t *panel, size_t k, const float *x, size_t x_stride, size_t count, float *out,
    size_t out_stride) {
    for (; count >= 8; count -= 8, x += 8 * x_stride, out += 8 * out_stride)
        float_block(kind, panel, k, x, x_stride, 8, out, out_stride);
    for (; count >= 2; count -= 2, x += 2 * x_stride, out += 2 * out_stride)
        float_block(kind, panel, k, x, x_stride, 2, out, out_stride);
    if (count) float_block(kind, panel, k, x, x_stride, 1, out, out_stride);
}

void apus_avx2_matmul_float(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const float *x, size_t x_stride, size_t count,
    float *out, size_t out_stride) {
    const size_t panel_bytes = apus_panel_bytes(kind, k);
    const uint8_t *at = panel;
    for (size_t p = 0; p < panels; p++, at += panel_bytes, out += APUS_PANEL_ROWS) {
        switch (kind) {
        case APUS_PANEL_F32: float_columns(APUS_PANEL_F32, at, k, x, x_stride, count, out, out_stride); break;
        case APUS_PANEL_BF16: float_columns(APUS_PANEL_BF16, at, k, x, x_stride, count, out, out_stride); break;
        default: float_columns(APUS_PANEL_F16, at, k, x, x_stride, count, out, out_stride); break;
        }
    }
}

INLINE int32_t sum_of_eight(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

void apus_avx2_quantize(
    const float *x, size_t x_stride, size_t count, size_t k, int planes, size_t first_column,
    const apus_activations *out) {
    const size_t groups = k / APUS_GROUP;
    const __m256 sign = _mm256_set1_ps(-0.0f), most = _mm256_set1_ps(127.0f), least = _mm256_set1_ps(-127.0f);
    for (size_t c = 0; c < count; c++) {
        for (size_t g = 0; g < groups; g++) {
            __m256 left[4], largest = _mm256_setzero_ps();
            UNROLL for (size_t i = 0; i < 4; i++) {
                left[i] = _mm256_loadu_ps(x + c * x_stride + g * APUS_GROUP + i * 8);
                largest = _mm256_max_ps(largest, _mm256_andnot_ps(sign, left[i]));
            }
            __m128 m = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
            m = _mm_max_ps(m, _mm_movehl_ps(m, m));
            m = _mm_max_ss(m, _mm_movehdup_ps(m));
            float scale = _mm_cvtss_f32(m) / 127.0f;
            for (int p = 0; p < planes; p++, scale *= APUS_PLANE_RATIO) {
                const size_t at = ((first_column + c) * (size_t)planes + (size_t)p) * groups + g;
                const __m256 inverse = _mm256_set1_ps(scale > APUS_SCALE_MIN ? 1.0f / scale : 0.0f);
                const __m256 step = _mm256_set1_ps(scale);
                __m256i q[4];
                UNROLL for (size_t i = 0; i < 4; i++) {
                    __m256 r = _mm256_round_ps(_mm256_mul_ps(left[i], inverse), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
                    r = _mm256_max_ps(_mm256_min_ps(r, most), least);
                    left[i] = _mm256_fnmadd_ps(step, r, left[i]);
                    q[i] = _mm256_cvtps_epi32(r);
                }
                const int32_t half_0 = sum_of_eight(_mm256_add_epi32(q[0], q[1]));
                const int32_t half_1 = sum_of_eight(_mm256_add_epi32(q[2], q[3]));
                const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
                const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
                _mm256_storeu_si256(
                    (__m256i *)(out->codes + at * APUS_GROUP), _mm256_permutevar8x32_epi32(packed, order));
                out->scales[at] = scale;
                out->sums[at] = scale * (float)(half_0 + half_1);
                out->halves[at * 2] = (int16_t)half_0;
                out->halves[at * 2 + 1] = (int16_t)half_1;
            }
        }
    }
}

#pragma clang attribute pop
#endif
