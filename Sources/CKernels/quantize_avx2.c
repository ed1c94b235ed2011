#include "matmul.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "avx2.h"

// The sums of a group's codes, from the pairs that maddubs makes.
INLINE void sum_codes(__m256i codes, apus_activations *group) {
    __m256i s = _mm256_maddubs_epi16(_mm256_set1_epi8(1), codes);
    s = _mm256_add_epi16(s, _mm256_shuffle_epi32(s, 0x4e));
    s = _mm256_add_epi16(s, _mm256_shuffle_epi32(s, 0xb1));
    s = _mm256_sub_epi16(_mm256_setzero_si256(), s);
    const __m128i first = _mm256_castsi256_si128(s), second = _mm256_extracti128_si256(s, 1);
    const int32_t halves[2] = {_mm_cvtsi128_si32(first), _mm_cvtsi128_si32(second)};
    const int32_t whole = _mm_cvtsi128_si32(_mm_add_epi16(first, second));
    memcpy(group->half_pairs, halves, sizeof halves);
    memcpy(group->pairs, &whole, sizeof whole);
    for (size_t i = 0; i < 2; i++) group->halves[i] = group->half_pairs[i][0] + group->half_pairs[i][1];
    group->whole = group->halves[0] + group->halves[1];
}

void apus_avx2_quantize(
    const float *x, size_t x_stride, size_t count, size_t k, int planes, size_t first_column,
    apus_activations *out) {
    const size_t groups = k / APUS_GROUP, stride = apus_column_stride(groups);
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
            int32_t sum = 0;
            for (int p = 0; p < planes; p++, scale *= APUS_PLANE_RATIO) {
                apus_activations *to = out + ((first_column + c) * (size_t)planes + (size_t)p) * stride + g;
                const __m256 inverse = _mm256_set1_ps(scale > APUS_SCALE_MIN ? 1.0f / scale : 0.0f);
                const __m256 step = _mm256_set1_ps(scale);
                __m256i q[4];
                UNROLL for (size_t i = 0; i < 4; i++) {
                    __m256 r = _mm256_round_ps(_mm256_mul_ps(left[i], inverse), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
                    r = _mm256_max_ps(_mm256_min_ps(r, most), least);
                    left[i] = _mm256_fnmadd_ps(step, r, left[i]);
                    q[i] = _mm256_cvtps_epi32(r);
                }
                const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
                const __m256i codes =
                    _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
                to->scale = scale;
                store(to->codes, codes);
                sum_codes(codes, to);
                sum = APUS_PLANE_STEPS * sum - to->whole;
                to->sum = scale * (float)sum;
            }
        }
    }
}

#pragma clang attribute pop
#endif
