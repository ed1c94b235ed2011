#include "dequantize.h"

#include <string.h>

// A product and a sum round separately here, on every machine, so that the goldens hold bit for bit.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

// MARK: - Numbers

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint16_t u16_at(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

static uint32_t u32_at(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

float apus_f16_to_f32(uint16_t bits) {
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    const uint32_t exponent = (bits >> 10) & 0x1F;
    const uint32_t fraction = bits & 0x3FF;
    if (exponent == 0) {  // zero and subnormals: fraction × 2^-24, exact in f32
        const float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    if (exponent == 0x1F) return float_of_bits(sign | 0x7F800000u | fraction << 13);
    return float_of_bits(sign | (exponent + (127 - 15)) << 23 | fraction << 13);
}

float apus_bf16_to_f32(uint16_t bits) { return float_of_bits((uint32_t)bits << 16); }

static float f16_at(const uint8_t *p) { return apus_f16_to_f32(u16_at(p)); }

// MARK: - Floats

void apus_dequantize_f32(const void *blocks, float *out, size_t count) {
    const uint8_t *p = blocks;
    for (size_t i = 0; i < count; i++) out[i] = float_of_bits(u32_at(p + 4 * i));
}

void apus_dequantize_f16(const void *blocks, float *out, size_t count) {
    const uint8_t *p = blocks;
    for (size_t i = 0; i < count; i++) out[i] = f16_at(p + 2 * i);
}

void apus_dequantize_bf16(const void *blocks, float *out, size_t count) {
    const uint8_t *p = blocks;
    for (size_t i = 0; i < count; i++) out[i] = apus_bf16_to_f32(u16_at(p + 2 * i));
}

// MARK: - Blocks of 32

// In every 4- and 5-bit block of 32, byte j holds element j (low nibble) and element j + 16 (high nibble).

// Q4_0, 18 bytes: f16 d; u8 q[16]. x = d·(q - 8)
void apus_dequantize_q4_0(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 32, block += 18) {
        const float d = f16_at(block);
        const uint8_t *q = block + 2;
        for (int j = 0; j < 16; j++) {
            out[i + j] = (float)((q[j] & 0xF) - 8) * d;
            out[i + j + 16] = (float)((q[j] >> 4) - 8) * d;
        }
    }
}

// Q4_1, 20 bytes: f16 d; f16 m; u8 q[16]. x = d·q + m
void apus_dequantize_q4_1(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 32, block += 20) {
        const float d = f16_at(block), m = f16_at(block + 2);
        const uint8_t *q = block + 4;
        for (int j = 0; j < 16; j++) {
            out[i + j] = (float)(q[j] & 0xF) * d + m;
            out[i + j + 16] = (float)(q[j] >> 4) * d + m;
        }
    }
}

// The fifth bits of a block of 32 are one u32: bit e belongs to element e.
static int fifth_bit(uint32_t high, int element) { return (int)(high >> element & 1) << 4; }

// Q5_0, 22 bytes: f16 d; u32 high; u8 q[16]. x = d·(q - 16)
void apus_dequantize_q5_0(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 32, block += 22) {
        const float d = f16_at(block);
        const uint32_t high = u32_at(block + 2);
        const uint8_t *q = block + 6;
        for (int j = 0; j < 16; j++) {
            out[i + j] = (float)(((q[j] & 0xF) | fifth_bit(high, j)) - 16) * d;
            out[i + j + 16] = (float)((q[j] >> 4 | fifth_bit(high, j + 16)) - 16) * d;
        }
    }
}

// Q5_1, 24 bytes: f16 d; f16 m; u32 high; u8 q[16]. x = d·q + m
void apus_dequantize_q5_1(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 32, block += 24) {
        const float d = f16_at(block), m = f16_at(block + 2);
        const uint32_t high = u32_at(block + 4);
        const uint8_t *q = block + 8;
        for (int j = 0; j < 16; j++) {
            out[i + j] = (float)((q[j] & 0xF) | fifth_bit(high, j)) * d + m;
            out[i + j + 16] = (float)(q[j] >> 4 | fifth_bit(high, j + 16)) * d + m;
        }
    }
}

// Q8_0, 34 bytes: f16 d; i8 q[32]. x = d·q
void apus_dequantize_q8_0(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 32, block += 34) {
        const float d = f16_at(block);
        for (int j = 0; j < 32; j++) out[i + j] = (float)(int8_t)block[2 + j] * d;
    }
}

const int8_t apus_iq4_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// IQ4_NL, 18 bytes: f16 d; u8 q[16]. x = d·level[q]
void apus_dequantize_iq4_nl(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 32, block += 18) {
        const float d = f16_at(block);
        const uint8_t *q = block + 2;
        for (int j = 0; j < 16; j++) {
            out[i + j] = d * (float)apus_iq4_levels[q[j] & 0xF];
            out[i + j + 16] = d * (float)apus_iq4_levels[q[j] >> 4];
        }
    }
}

const int8_t apus_e2m1_doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

float apus_e8m0_halved(uint8_t e) {
    return float_of_bits(e < 2 ? 0x00200000u << e : (uint32_t)(e - 1) << 23);
}

// MXFP4, 17 bytes: u8 e; u8 q[16]. x = 2^(e - 127)·e2m1[q]
void apus_dequantize_mxfp4(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 32, block += 17) {
        const float d = apus_e8m0_halved(block[0]);
        const uint8_t *q = block + 1;
        for (int j = 0; j < 16; j++) {
            out[i + j] = (float)apus_e2m1_doubled[q[j] & 0xF] * d;
            out[i + j + 16] = (float)apus_e2m1_doubled[q[j] >> 4] * d;
        }
    }
}

// MARK: - Super-blocks of 256

// Q2_K, 84 bytes: u8 scales[16]; u8 q[64]; f16 d; f16 dmin. Sub-blocks of 16.
// x = d·(scale & 15)·q - dmin·(scale >> 4)
// Each half of 128 elements has 32 bytes of q; its k-th group of 32 takes bits 2k and 2k + 1 of them.
void apus_dequantize_q2_k(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 256, block += 84) {
        const uint8_t *scales = block, *q = block + 16;
        const float d = f16_at(block + 80), dmin = f16_at(block + 82);
        for (int e = 0; e < 256; e++) {
            const uint8_t scale = scales[e / 16];
            const int shift = e % 128 / 32 * 2;
            const int value = q[e / 128 * 32 + e % 32] >> shift & 3;
            out[i + e] = d * (float)(scale & 0xF) * (float)value - dmin * (float)(scale >> 4);
        }
    }
}

// Q3_K, 110 bytes: u8 high[32]; u8 q[64]; u8 scales[12]; f16 d. Sub-blocks of 16.
// x = d·(scale - 32)·(q - 4), where q's third bit is bit e / 32 of high[e % 32].
// The 6-bit scale s has its low half in a nibble of scales[s % 8] and its top two bits in scales[8 + s % 4].
void apus_dequantize_q3_k(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 256, block += 110) {
        const uint8_t *high = block, *q = block + 32, *packed = block + 96;
        const float d = f16_at(block + 108);
        float scales[16];
        for (int s = 0; s < 16; s++) {
            const int low = packed[s % 8] >> (s / 8 * 4) & 0xF;
            const int top = packed[8 + s % 4] >> (s / 4 * 2) & 3;
            scales[s] = d * (float)((low | top << 4) - 32);
        }
        for (int e = 0; e < 256; e++) {
            const int shift = e % 128 / 32 * 2;
            const int low = q[e / 128 * 32 + e % 32] >> shift & 3;
            const int top = high[e % 32] >> (e / 32) & 1;
            out[i + e] = scales[e / 16] * (float)((low | top << 2) - 4);
        }
    }
}

// The eight 6-bit scales and minimums of Q4_K and Q5_K, in 12 bytes: the first four of each in the low six
// bits of bytes 0–3 and 4–7; the others' low nibbles in bytes 8–11, their top bits in bytes 0–7.
static void unpack_scales_k(const uint8_t *packed, uint8_t scales[8], uint8_t minimums[8]) {
    for (int s = 0; s < 4; s++) {
        scales[s] = packed[s] & 0x3F;
        minimums[s] = packed[s + 4] & 0x3F;
        scales[s + 4] = (uint8_t)((packed[s + 8] & 0xF) | (packed[s] >> 6) << 4);
        minimums[s + 4] = (uint8_t)((packed[s + 8] >> 4) | (packed[s + 4] >> 6) << 4);
    }
}

// Q4_K, 144 bytes: f16 d; f16 dmin; u8 scales[12]; u8 q[128]. Sub-blocks of 32.
// x = d·scale·q - dmin·minimum
// 32 bytes hold two sub-blocks: the low nibbles the even one, the high nibbles the odd one.
void apus_dequantize_q4_k(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 256, block += 144) {
        const float d = f16_at(block), dmin = f16_at(block + 2);
        const uint8_t *q = block + 16;
        uint8_t scales[8], minimums[8];
        unpack_scales_k(block + 4, scales, minimums);
        for (int s = 0; s < 8; s++) {
            const float scale = d * (float)scales[s], minimum = dmin * (float)minimums[s];
            for (int l = 0; l < 32; l++) {
                const int value = q[s / 2 * 32 + l] >> (s % 2 * 4) & 0xF;
                out[i + s * 32 + l] = scale * (float)value - minimum;
            }
        }
    }
}

// Q5_K, 176 bytes: f16 d; f16 dmin; u8 scales[12]; u8 high[32]; u8 q[128]. As Q4_K, with a fifth bit:
// bit s of high[l] for element l of sub-block s.
void apus_dequantize_q5_k(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 256, block += 176) {
        const float d = f16_at(block), dmin = f16_at(block + 2);
        const uint8_t *high = block + 16, *q = block + 48;
        uint8_t scales[8], minimums[8];
        unpack_scales_k(block + 4, scales, minimums);
        for (int s = 0; s < 8; s++) {
            const float scale = d * (float)scales[s], minimum = dmin * (float)minimums[s];
            for (int l = 0; l < 32; l++) {
                const int low = q[s / 2 * 32 + l] >> (s % 2 * 4) & 0xF;
                const int value = low | (high[l] >> s & 1) << 4;
                out[i + s * 32 + l] = scale * (float)value - minimum;
            }
        }
    }
}

// Q6_K, 210 bytes: u8 low[128]; u8 high[64]; i8 scales[16]; f16 d. Sub-blocks of 16.
// x = d·scale·(q - 32)
// In each half of 128, the k-th group of 32 has its low nibbles in 64 bytes (groups 0 and 2 share the first
// 32 bytes, 1 and 3 the second) and bits 2k, 2k + 1 of 32 bytes of `high` on top.
void apus_dequantize_q6_k(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 256, block += 210) {
        const uint8_t *low = block, *high = block + 128, *scales = block + 192;
        const float d = f16_at(block + 208);
        for (int e = 0; e < 256; e++) {
            const int half = e / 128, group = e % 128 / 32, l = e % 32;
            const int nibble = low[half * 64 + group % 2 * 32 + l] >> (group / 2 * 4) & 0xF;
            const int top = high[half * 32 + l] >> (group * 2) & 3;
            out[i + e] = d * (float)(int8_t)scales[e / 16] * (float)((nibble | top << 4) - 32);
        }
    }
}

// IQ4_XS, 136 bytes: f16 d; u16 scalesHigh; u8 scalesLow[4]; u8 q[128]. Sub-blocks of 32, each laid out
// like IQ4_NL's. x = d·(scale - 32)·level[q]
void apus_dequantize_iq4_xs(const void *blocks, float *out, size_t count) {
    const uint8_t *block = blocks;
    for (size_t i = 0; i < count; i += 256, block += 136) {
        const float d = f16_at(block);
        const int high = u16_at(block + 2);
        for (int s = 0; s < 8; s++) {
            const int low = block[4 + s / 2] >> (s % 2 * 4) & 0xF;
            const int top = high >> (s * 2) & 3;
            const float scale = d * (float)((low | top << 4) - 32);
            const uint8_t *q = block + 8 + s * 16;
            float *x = out + i + s * 32;
            for (int j = 0; j < 16; j++) {
                x[j] = scale * (float)apus_iq4_levels[q[j] & 0xF];
                x[j + 16] = scale * (float)apus_iq4_levels[q[j] >> 4];
            }
        }
    }
}

// MARK: - By type number

typedef struct {
    size_t block_elements;
    void (*dequantize)(const void *blocks, float *out, size_t count);
} format;

static format format_of(uint32_t ggml_type) {
    switch (ggml_type) {
    case 0: return (format){1, apus_dequantize_f32};
    case 1: return (format){1, apus_dequantize_f16};
    case 2: return (format){32, apus_dequantize_q4_0};
    case 3: return (format){32, apus_dequantize_q4_1};
    case 6: return (format){32, apus_dequantize_q5_0};
    case 7: return (format){32, apus_dequantize_q5_1};
    case 8: return (format){32, apus_dequantize_q8_0};
    case 10: return (format){256, apus_dequantize_q2_k};
    case 11: return (format){256, apus_dequantize_q3_k};
    case 12: return (format){256, apus_dequantize_q4_k};
    case 13: return (format){256, apus_dequantize_q5_k};
    case 14: return (format){256, apus_dequantize_q6_k};
    case 20: return (format){32, apus_dequantize_iq4_nl};
    case 23: return (format){256, apus_dequantize_iq4_xs};
    case 30: return (format){1, apus_dequantize_bf16};
    case 39: return (format){32, apus_dequantize_mxfp4};
    default: return (format){1, NULL};
    }
}

int apus_dequantize(uint32_t ggml_type, const void *blocks, float *out, size_t count) {
    const format format = format_of(ggml_type);
    if (format.dequantize == NULL) return APUS_DEQUANTIZE_UNKNOWN_TYPE;
    if (count % format.block_elements != 0) return APUS_DEQUANTIZE_PARTIAL_BLOCK;
    format.dequantize(blocks, out, count);
    return APUS_DEQUANTIZE_OK;
}
