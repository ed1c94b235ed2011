#include "roofline.h"
#include "cpu.h"
#include <string.h>

// Twelve accumulators hide the latency of the multiplication; an empty asm keeps the compiler from seeing that
// every round multiplies the same numbers.
enum { CHAINS = 12 };

static uint64_t multiply_portable(size_t rounds) {
    uint8_t weights[32];
    int8_t inputs[CHAINS][32];
    uint16_t sums[CHAINS][32] = {{0}};
    for (int lane = 0; lane < 32; lane++) {
        weights[lane] = (uint8_t)(lane & 15);
        for (int chain = 0; chain < CHAINS; chain++) inputs[chain][lane] = (int8_t)(lane - chain);
    }
    for (size_t round = 0; round < rounds; round++) {
        __asm__ volatile("" : : "r"(weights), "r"(inputs) : "memory");
        for (int chain = 0; chain < CHAINS; chain++)
            for (int lane = 0; lane < 32; lane++)
                sums[chain][lane] = (uint16_t)(sums[chain][lane] + weights[lane] * inputs[chain][lane]);
    }
    uint64_t sum = 0;
    for (int chain = 0; chain < CHAINS; chain++)
        for (int lane = 0; lane < 32; lane++) sum += sums[chain][lane];
    return sum;
}

static uint64_t read_portable(const uint8_t *memory, size_t bytes) {
    uint64_t sums[8] = {0};
    for (size_t at = 0; at < bytes; at += sizeof sums) {
        uint64_t words[8];
        memcpy(words, memory + at, sizeof words);
        for (int i = 0; i < 8; i++) sums[i] ^= words[i];
    }
    return sums[0] ^ sums[1] ^ sums[2] ^ sums[3] ^ sums[4] ^ sums[5] ^ sums[6] ^ sums[7];
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static uint64_t fold(__m256i v) {
    uint64_t words[4];
    _mm256_storeu_si256((__m256i *)words, v);
    return words[0] ^ words[1] ^ words[2] ^ words[3];
}

__attribute__((target("avx2"))) static uint64_t multiply_avx2(size_t rounds) {
    __m256i weights = _mm256_set1_epi8(7), inputs = _mm256_set1_epi8(-3), sums[CHAINS];
    for (int chain = 0; chain < CHAINS; chain++) sums[chain] = _mm256_set1_epi16((short)chain);
    for (size_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int chain = 0; chain < CHAINS; chain++) {
            __asm__ volatile("" : "+x"(weights), "+x"(inputs));
            sums[chain] = _mm256_add_epi16(sums[chain], _mm256_maddubs_epi16(weights, inputs));
        }
    }
    __m256i sum = sums[0];
    for (int chain = 1; chain < CHAINS; chain++) sum = _mm256_xor_si256(sum, sums[chain]);
    return fold(sum);
}

// One instruction does 64 multiply-adds, so half as many make a round.
__attribute__((target("avx512f,avx512vnni"))) static uint64_t multiply_avx512(size_t rounds) {
    __m512i weights = _mm512_set1_epi8(7), inputs = _mm512_set1_epi8(-3), sums[CHAINS];
    for (int chain = 0; chain < CHAINS; chain++) sums[chain] = _mm512_set1_epi32(chain);
    for (size_t round = 0; round < rounds / 2; round++) {
#pragma clang loop unroll(full)
        for (int chain = 0; chain < CHAINS; chain++) {
            __asm__ volatile("" : "+v"(weights), "+v"(inputs));
            sums[chain] = _mm512_dpbusd_epi32(sums[chain], weights, inputs);
        }
    }
    __m512i sum = sums[0];
    for (int chain = 1; chain < CHAINS; chain++) sum = _mm512_xor_si512(sum, sums[chain]);
    uint64_t words[8], folded = 0;
    _mm512_storeu_si512(words, sum);
    for (int i = 0; i < 8; i++) folded ^= words[i];
    return folded;
}

__attribute__((target("avx2"))) static uint64_t read_avx2(const uint8_t *memory, size_t bytes) {
    __m256i sums[8];
    for (int i = 0; i < 8; i++) sums[i] = _mm256_setzero_si256();
    for (size_t at = 0; at < bytes; at += sizeof sums) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++)
            sums[i] = _mm256_xor_si256(sums[i], _mm256_load_si256((const __m256i *)(memory + at) + i));
    }
    __m256i sum = sums[0];
    for (int i = 1; i < 8; i++) sum = _mm256_xor_si256(sum, sums[i]);
    return fold(sum);
}
#elif defined(__aarch64__)
#include <arm_neon.h>

// INSTRUCTION multiplies a vector of weights with one of inputs; a round of one chain has 32 multiply-adds.
#define MULTIPLY(NAME, TARGET, INSTRUCTION, TIMES)                                                 \
    __attribute__((target(TARGET))) static uint64_t NAME(size_t rounds) {                          \
        int8x16_t weights = vdupq_n_s8(7), inputs = vdupq_n_s8(-3);                                \
        int32x4_t sums[CHAINS];                                                                    \
        for (int chain = 0; chain < CHAINS; chain++) sums[chain] = vdupq_n_s32(chain);             \
        for (size_t i = 0; i < rounds * TIMES; i++) {                                              \
            _Pragma("clang loop unroll(full)") for (int chain = 0; chain < CHAINS; chain++) {      \
                __asm__ volatile("" : "+w"(weights), "+w"(inputs));                                \
                sums[chain] = INSTRUCTION(sums[chain], weights, inputs);                           \
            }                                                                                      \
        }                                                                                          \
        int32x4_t sum = sums[0];                                                                   \
        for (int chain = 1; chain < CHAINS; chain++) sum = veorq_s32(sum, sums[chain]);            \
        return (uint32_t)vaddvq_s32(sum);                                                          \
    }
MULTIPLY(multiply_sdot, "dotprod", vdotq_s32, 2)
MULTIPLY(multiply_smmla, "i8mm", vmmlaq_s32, 1)
#undef MULTIPLY
#endif

uint64_t apus_roofline_multiply(size_t rounds) {
#if defined(__x86_64__)
    if (cpu_has_avx512()) return multiply_avx512(rounds);
    if (cpu_has_avx2()) return multiply_avx2(rounds);
#elif defined(__aarch64__)
    if (cpu_has_i8mm()) return multiply_smmla(rounds);
    if (cpu_has_dotprod()) return multiply_sdot(rounds);
#endif
    return multiply_portable(rounds);
}

uint64_t apus_roofline_read(const void *memory, size_t bytes) {
#if defined(__x86_64__)
    if (cpu_has_avx2()) return read_avx2(memory, bytes);
#endif
    return read_portable(memory, bytes);
}
