#include "matmul.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "avx2.h"

// Codes of 16 bits are put together from their halves and multiplied in pairs: madd gives a row two sums of two
// products each, which hadd adds at the end of a group. That is 1.7 times what multiplying in f32 does.

// Codes of activations in 16 bits.
typedef struct { int16_t codes[APUS_GROUP]; } widened;

INLINE void widen(const apus_activations *x, widened *to) {
    UNROLL for (int i = 0; i < 2; i++)
        store(to->codes + i * 16, _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x->codes + i * 16))));
}
INLINE __m256i broadcast_64(const void *p) {
    int64_t word;
    memcpy(&word, p, 8);
    return _mm256_set1_epi64x(word);
}

INLINE void panel_times_columns(
    const uint8_t *panel, const apus_activations *x, size_t groups, int np, int planes, float *out, size_t out_stride) {
    const size_t stride = apus_column_stride(groups);
    const __m256i offset = _mm256_set1_epi8((char)0x80);
    __m256 acc[4];
    UNROLL for (int c = 0; c < np; c++) acc[c] = _mm256_setzero_ps();
    for (size_t g = 0; g < groups; g++, x++, panel += 16 + 2 * 256) {
        widened b[4];
        __m256i first[4], second[4]; // rows 0, 1, 4, 5 and 2, 3, 6, 7
        UNROLL for (int c = 0; c < np; c++) {
            widen(x + (size_t)c * stride, &b[c]);
            first[c] = second[c] = _mm256_setzero_si256();
        }
        UNROLL for (size_t j = 0; j < 8; j++) {
            const __m256i upper = _mm256_xor_si256(load(panel + 16 + j * 32), offset);
            const __m256i lower = load(panel + 16 + 256 + j * 32);
            const __m256i w0 = _mm256_unpacklo_epi8(lower, upper), w1 = _mm256_unpackhi_epi8(lower, upper);
            UNROLL for (int c = 0; c < np; c++) {
                const __m256i four = broadcast_64(b[c].codes + j * 4);
                first[c] = _mm256_add_epi32(first[c], _mm256_madd_epi16(w0, four));
                second[c] = _mm256_add_epi32(second[c], _mm256_madd_epi16(w1, four));
            }
        }
        const __m256 scale = load_f16(panel);
        UNROLL for (int c = 0; c < np; c++) {
            const __m256 dot = _mm256_cvtepi32_ps(_mm256_hadd_epi32(first[c], second[c]));
            const __m256 both = _mm256_mul_ps(scale, _mm256_broadcast_ss(&x[(size_t)c * stride].scale));
            acc[c] = _mm256_fmadd_ps(dot, both, acc[c]);
        }
    }
    if (planes == 2) {
        UNROLL for (int c = 0; c + 1 < np; c += 2)
            _mm256_storeu_ps(out + (size_t)(c / 2) * out_stride, _mm256_add_ps(acc[c], acc[c + 1]));
    } else {
        UNROLL for (int c = 0; c < np; c++) _mm256_storeu_ps(out + (size_t)c * out_stride, acc[c]);
    }
}

void apus_avx2_matmul_i16(
    const uint8_t *panel, const apus_activations *x, size_t groups, size_t np, int planes, float *out, size_t out_stride) {
    switch (np) {
    case 1: panel_times_columns(panel, x, groups, 1, planes, out, out_stride); break;
    case 2: panel_times_columns(panel, x, groups, 2, planes, out, out_stride); break;
    default: panel_times_columns(panel, x, groups, 4, planes, out, out_stride); break;
    }
}

#pragma clang attribute pop
#endif
