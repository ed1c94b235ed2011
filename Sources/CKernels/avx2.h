#ifndef APUS_AVX2_H
#define APUS_AVX2_H
#include "matmul.h"
#include <immintrin.h>
#include <string.h>

// What the AVX2 products share. Include it inside the target's attribute.

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
// Keep a value in its register and the order of what is done with it: left alone, the compiler rearranges sums
// into trees, and spills.
#define KEEP(v) __asm__ volatile("" : "+x"(v))
#define KEEP_POINTER(p) __asm__ volatile("" : "+r"(p))

INLINE __m256i load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE void store(void *p, __m256i v) { _mm256_storeu_si256((__m256i *)p, v); }
INLINE __m256 load_f16(const uint8_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
INLINE __m256 load_u8(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
INLINE __m256 load_i8(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
// 2^(e - 128): the exponent in its place. The subnormals of e < 2 are (e + 1) << 21, which is less for all others.
INLINE __m256 load_e8m0_halved(const uint8_t *p) {
    const __m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i subnormal = _mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(1)), 21);
    return _mm256_castsi256_ps(_mm256_max_epi32(normal, subnormal));
}
INLINE __m256i broadcast_32(const void *p) {
    int32_t word;
    memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
}

typedef void many_function(
    const uint8_t *panel, size_t panel_bytes, int panels, const apus_activations *x, size_t groups, size_t np, int planes,
    float *out, size_t out_stride);

/// At most 8 panels times many physical columns.
many_function apus_avx2_matmul_wide_q8_0, apus_avx2_matmul_wide_i16;
/// One I16 panel times 1, 2 or 4 physical columns.
void apus_avx2_matmul_i16(
    const uint8_t *panel, const apus_activations *x, size_t groups, size_t np, int planes, float *out, size_t out_stride);

#endif
