#ifndef APUS_EMULATION_AVX512_H
#define APUS_EMULATION_AVX512_H

// The AVX-512 instructions of Sources/CKernels on CPUs that have AVX2: scripts/check-kernels compiles the kernels with this
// in front of them. Most come from SIMDe; here are those that it lacks, or that it wants constants for (0.7.4).

#include <immintrin.h>
#include <stdint.h>
#include <string.h>
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>

#undef _mm512_slli_epi16
#undef _mm512_srli_epi16
#undef _mm512_slli_epi32
#undef _mm512_madd_epi16
#define _mm512_slli_epi16(a, n) simde_mm512_sll_epi16(a, simde_mm_cvtsi32_si128((int)(n)))
#define _mm512_srli_epi16(a, n) simde_mm512_srl_epi16(a, simde_mm_cvtsi32_si128((int)(n)))
#define _mm512_slli_epi32(a, n) simde_mm512_sll_epi32(a, simde_mm_cvtsi32_si128((int)(n)))
#define _mm512_madd_epi16(a, b) simde_mm512_madd_epi16(a, b)

// `to` of COUNT lanes, each made of lane i of `from`, x[i], and of y[i] and n.
#define LANES(NAME, TO, TO_LANE, FROM, FROM_LANE, COUNT, RESULT)                                                  \
    static inline TO emulated_##NAME(FROM from, FROM other, int n) {                                              \
        FROM_LANE x[COUNT], y[COUNT];                                                                             \
        TO_LANE lanes[COUNT];                                                                                     \
        TO to;                                                                                                    \
        memcpy(x, &from, sizeof x);                                                                               \
        memcpy(y, &other, sizeof y);                                                                              \
        (void)y, (void)n;                                                                                         \
        for (int i = 0; i < COUNT; i++) lanes[i] = RESULT;                                                        \
        memcpy(&to, lanes, sizeof to);                                                                            \
        return to;                                                                                                \
    }
LANES(cvtepi8_epi32, __m512i, int32_t, __m128i, int8_t, 16, x[i])
LANES(cvtepu8_epi32, __m512i, int32_t, __m128i, uint8_t, 16, x[i])
LANES(cvtepi16_epi32, __m512i, int32_t, __m256i, int16_t, 16, x[i])
LANES(cvtepu8_epi16, __m512i, int16_t, __m256i, uint8_t, 32, x[i])
LANES(cvtepi32_ps, __m512, float, __m512i, int32_t, 16, (float)x[i])
LANES(srai_epi32, __m512i, int32_t, __m512i, int32_t, 16, x[i] >> n)
LANES(mullo_epi32, __m512i, uint32_t, __m512i, uint32_t, 16, x[i] * y[i])
LANES(cvtph_ps, __m512, float, __m256i, uint16_t, 16, _cvtsh_ss(x[i]))
#undef LANES

static inline void emulated_mask_storeu_ps(float *to, unsigned mask, __m512 from) {
    float lanes[16];
    memcpy(lanes, &from, sizeof lanes);
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1) to[i] = lanes[i];
}

#undef _mm512_mullo_epi32
#define _mm512_cvtepi8_epi32(a) emulated_cvtepi8_epi32(a, a, 0)
#define _mm512_cvtepu8_epi32(a) emulated_cvtepu8_epi32(a, a, 0)
#define _mm512_cvtepi16_epi32(a) emulated_cvtepi16_epi32(a, a, 0)
#define _mm512_cvtepu8_epi16(a) emulated_cvtepu8_epi16(a, a, 0)
#define _mm512_cvtepi32_ps(a) emulated_cvtepi32_ps(a, a, 0)
#define _mm512_srai_epi32(a, n) emulated_srai_epi32(a, a, n)
#define _mm512_mullo_epi32(a, b) emulated_mullo_epi32(a, b, 0)
#define _mm512_cvtph_ps(a) emulated_cvtph_ps(a, a, 0)
#define _mm512_mask_storeu_ps(p, mask, a) emulated_mask_storeu_ps(p, mask, a)

#endif
