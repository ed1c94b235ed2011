#include "panels.h"
#include "dequantize.h"
#include <float.h>
#include <math.h>
#include <string.h>

// Source block layouts are those of GGUF (see dequantize.c); panel layouts stand in panels.h.

enum { NIBBLES = 128, BITS = 32, PAIRS = 64, TRIPLES = 96, HALF_VECTOR = 16 };

apus_panel_kind apus_panel_kind_of(uint32_t ggml_type, size_t k) {
    const int whole = k % APUS_GROUP == 0;
    switch (ggml_type) {
    case 0: return whole ? APUS_PANEL_I16 : APUS_PANEL_F32;
    case 1: return whole ? APUS_PANEL_I16 : APUS_PANEL_F16;
    case 2: return APUS_PANEL_Q4_0;
    case 3: return APUS_PANEL_Q4_1;
    case 6: return APUS_PANEL_Q5_0;
    case 7: return APUS_PANEL_Q5_1;
    case 8: return APUS_PANEL_Q8_0;
    case 10: return APUS_PANEL_Q2_K;
    case 11: return APUS_PANEL_Q3_K;
    case 12: return APUS_PANEL_Q4_K;
    case 13: return APUS_PANEL_Q5_K;
    case 14: return APUS_PANEL_Q6_K;
    case 20: return APUS_PANEL_IQ4_NL;
    case 23: return APUS_PANEL_IQ4_XS;
    case 30: return whole ? APUS_PANEL_I16 : APUS_PANEL_BF16;
    case 39: return APUS_PANEL_MXFP4;
    default: return APUS_PANEL_NONE;
    }
}

int apus_panel_is_quantized(apus_panel_kind kind) {
    return kind != APUS_PANEL_NONE && kind != APUS_PANEL_F32 && kind != APUS_PANEL_F16 && kind != APUS_PANEL_BF16;
}

size_t apus_panel_bytes(apus_panel_kind kind, size_t k) {
    const size_t groups = k / APUS_GROUP, supers = k / APUS_SUPER;
    switch (kind) {
    case APUS_PANEL_Q4_0:
    case APUS_PANEL_IQ4_NL: return groups * (16 + NIBBLES);
    case APUS_PANEL_Q4_1: return groups * (32 + NIBBLES);
    case APUS_PANEL_Q5_0: return groups * (16 + BITS + NIBBLES);
    case APUS_PANEL_Q5_1: return groups * (32 + BITS + NIBBLES);
    case APUS_PANEL_Q8_0: return groups * (16 + 256);
    case APUS_PANEL_Q4_K: return supers * (32 + 8 * (16 + NIBBLES));
    case APUS_PANEL_Q5_K: return supers * (32 + 8 * (16 + BITS + NIBBLES));
    case APUS_PANEL_Q6_K: return supers * (32 + 8 * (16 + PAIRS + NIBBLES));
    case APUS_PANEL_Q2_K: return supers * (32 + 8 * (16 + PAIRS));
    case APUS_PANEL_Q3_K: return supers * (16 + 8 * (16 + TRIPLES));
    case APUS_PANEL_IQ4_XS: return supers * (16 + 8 * (8 + NIBBLES));
    case APUS_PANEL_MXFP4: return groups * (8 + NIBBLES);
    case APUS_PANEL_I16: return groups * (16 + 2 * 256);
    case APUS_PANEL_F32: return k * APUS_PANEL_ROWS * 4;
    case APUS_PANEL_F16:
    case APUS_PANEL_BF16: return k * APUS_PANEL_ROWS * 2;
    case APUS_PANEL_NONE: break;
    }
    return 0;
}

// Places 32 codes of one row (in order of k, at most 15 after masking) into a group's nibbles.
static void put_nibbles(const uint8_t codes[32], size_t row, uint8_t *nibbles) {
    for (size_t k = 0; k < HALF_VECTOR; k++)
        nibbles[(k / 4) * 32 + row * 4 + k % 4] = (uint8_t)((codes[k] & 15) | (codes[k + HALF_VECTOR] & 15) << 4);
}

static void put_bits(const uint8_t codes[32], size_t row, uint8_t *bits) {
    for (size_t k = 0; k < 32; k++) bits[row * 4 + k % 4] |= (uint8_t)((codes[k] >> 4 & 1) << (k / 4));
}

// Places two bits of each code, from bit `first` on.
static void put_pairs(const uint8_t codes[32], size_t first, size_t row, uint8_t *pairs) {
    for (size_t k = 0; k < 32; k++)
        pairs[(k / 16) * 32 + row * 4 + k % 4] |= (uint8_t)((codes[k] >> first & 3) << (2 * (k / 4 % 4)));
}

static void put_triples(const uint8_t codes[32], size_t row, uint8_t *triples) {
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *code = codes + i; // of vector j: code[4j]
        uint8_t *to = triples + row * 4 + i;
        to[0] = (uint8_t)(code[0] | code[4] << 3 | code[24] << 6);
        to[32] = (uint8_t)(code[8] | code[12] << 3 | (code[24] >> 2) << 6 | (code[28] >> 2) << 7);
        to[64] = (uint8_t)(code[16] | code[20] << 3 | code[28] << 6);
    }
}

// Scale and min of sub-block j of a K-quant's twelve packed bytes (six bits each).
static void scale_and_min(const uint8_t packed[12], size_t j, uint8_t *scale, uint8_t *min) {
    if (j < 4) {
        *scale = packed[j] & 63;
        *min = packed[j + 4] & 63;
    } else {
        *scale = (uint8_t)((packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4);
        *min = (uint8_t)((packed[j + 4] >> 4) | (packed[j] >> 6) << 4);
    }
}

// One row of a format with blocks of 32: one scale (f16, or an exponent), perhaps a min, perhaps fifth bits, nibbles.
static void pack_blocks(apus_panel_kind kind, const uint8_t *block, size_t row, size_t k, uint8_t *panel) {
    const int has_min = kind == APUS_PANEL_Q4_1 || kind == APUS_PANEL_Q5_1;
    const int has_bits = kind == APUS_PANEL_Q5_0 || kind == APUS_PANEL_Q5_1;
    const size_t scale_bytes = kind == APUS_PANEL_MXFP4 ? 1 : 2;
    const size_t head = has_min ? 4 : scale_bytes, block_bytes = head + (has_bits ? 4 : 0) + 16;
    const size_t group_bytes = apus_panel_bytes(kind, APUS_GROUP);
    for (size_t g = 0; g < k / APUS_GROUP; g++, block += block_bytes, panel += group_bytes) {
        uint8_t codes[32], *to = panel;
        uint32_t fifth = 0;
        if (has_bits) memcpy(&fifth, block + head, 4);
        const uint8_t *nibbles = block + block_bytes - 16;
        for (size_t i = 0; i < 16; i++) {
            codes[i] = (uint8_t)((nibbles[i] & 15) | (fifth >> i & 1) << 4);
            codes[i + 16] = (uint8_t)((nibbles[i] >> 4) | (fifth >> (i + 16) & 1) << 4);
        }
        memcpy(to + row * scale_bytes, block, scale_bytes), to += APUS_PANEL_ROWS * scale_bytes;
        if (has_min) memcpy(to + row * 2, block + 2, 2), to += 16;
        if (has_bits) put_bits(codes, row, to), to += BITS;
        put_nibbles(codes, row, to);
    }
}

static void pack_q8_0(const uint8_t *block, size_t row, size_t k, uint8_t *panel) {
    for (size_t g = 0; g < k / APUS_GROUP; g++, block += 34, panel += 16 + 256) {
        memcpy(panel + row * 2, block, 2);
        for (size_t i = 0; i < 32; i++) panel[16 + (i / 4) * 32 + row * 4 + i % 4] = (uint8_t)(block[2 + i] ^ 0x80);
    }
}

static void pack_q4_k_q5_k(apus_panel_kind kind, const uint8_t *block, size_t row, size_t k, uint8_t *panel) {
    const int has_bits = kind == APUS_PANEL_Q5_K;
    const size_t group_bytes = 16 + (has_bits ? BITS : 0) + NIBBLES;
    for (size_t s = 0; s < k / APUS_SUPER; s++, block += has_bits ? 176 : 144) {
        memcpy(panel + row * 2, block, 2);
        memcpy(panel + 16 + row * 2, block + 2, 2);
        panel += 32;
        const uint8_t *fifth = block + 16, *nibbles = block + (has_bits ? 48 : 16);
        for (size_t j = 0; j < 8; j++, panel += group_bytes) {
            uint8_t codes[32], *to = panel + 16;
            for (size_t i = 0; i < 32; i++) {
                codes[i] = (uint8_t)(nibbles[(j / 2) * 32 + i] >> (4 * (j % 2)) & 15);
                if (has_bits) codes[i] |= (uint8_t)((fifth[i] >> j & 1) << 4);
            }
            scale_and_min(block + 4, j, panel + row, panel + 8 + row);
            if (has_bits) put_bits(codes, row, to), to += BITS;
            put_nibbles(codes, row, to);
        }
    }
}

// Q6_K: 128 low halves, 64 high pairs, 16 signed scales, f16 d; two halves of 128 weights each.
static void pack_q6_k(const uint8_t *block, size_t row, size_t k, uint8_t *panel) {
    for (size_t s = 0; s < k / APUS_SUPER; s++, block += 210) {
        memcpy(panel + row * 2, block + 208, 2);
        panel += 32;
        for (size_t j = 0; j < 8; j++, panel += 16 + PAIRS + NIBBLES) {
            uint8_t codes[32];
            const uint8_t *low = block + (j / 4) * 64 + (j % 2) * 32, *high = block + 128 + (j / 4) * 32;
            for (size_t i = 0; i < 32; i++)
                codes[i] = (uint8_t)((low[i] >> (4 * (j % 4 / 2)) & 15) | (high[i] >> (2 * (j % 4)) & 3) << 4);
            panel[row * 2] = block[192 + 2 * j];
            panel[row * 2 + 1] = block[192 + 2 * j + 1];
            put_pairs(codes, 4, row, panel + 16);
            put_nibbles(codes, row, panel + 16 + PAIRS);
        }
    }
}

// Q2_K: 16 bytes of scale and min, 64 of pairs, f16 d, f16 m; two halves of 128 weights each.
static void pack_q2_k(const uint8_t *block, size_t row, size_t k, uint8_t *panel) {
    for (size_t s = 0; s < k / APUS_SUPER; s++, block += 84) {
        memcpy(panel + row * 2, block + 80, 2);
        memcpy(panel + 16 + row * 2, block + 82, 2);
        panel += 32;
        for (size_t j = 0; j < 8; j++, panel += 16 + PAIRS) {
            uint8_t codes[32];
            for (size_t i = 0; i < 32; i++) codes[i] = block[16 + (j / 4) * 32 + i] >> (2 * (j % 4)) & 3;
            memcpy(panel + row * 2, block + 2 * j, 2);
            put_pairs(codes, 0, row, panel + 16);
        }
    }
}

// Scale i of Q3_K's twelve packed bytes: low halves in the first eight, high pairs in the others.
static uint8_t scale_of_q3_k(const uint8_t packed[12], size_t i) {
    return (uint8_t)(((packed[i % 8] >> (i / 8 * 4) & 15) | (packed[8 + i % 4] >> (i / 4 * 2) & 3) << 4) - 32);
}

// Q3_K: 32 bytes of third bits, 64 of pairs, 12 of scales, f16 d; two halves of 128 weights each.
static void pack_q3_k(const uint8_t *block, size_t row, size_t k, uint8_t *panel) {
    for (size_t s = 0; s < k / APUS_SUPER; s++, block += 110) {
        memcpy(panel + row * 2, block + 108, 2);
        panel += 16;
        for (size_t j = 0; j < 8; j++, panel += 16 + TRIPLES) {
            uint8_t codes[32];
            const uint8_t *pairs = block + 32 + (j / 4) * 32;
            for (size_t i = 0; i < 32; i++)
                codes[i] = (uint8_t)((pairs[i] >> (2 * (j % 4)) & 3) | (block[i] >> j & 1) << 2);
            panel[row * 2] = scale_of_q3_k(block + 96, 2 * j);
            panel[row * 2 + 1] = scale_of_q3_k(block + 96, 2 * j + 1);
            put_triples(codes, row, panel + 16);
        }
    }
}

// IQ4_XS: f16 d, 16 high and 32 low bits of the eight scales, 128 nibbles in eight blocks of 32.
static void pack_iq4_xs(const uint8_t *block, size_t row, size_t k, uint8_t *panel) {
    for (size_t s = 0; s < k / APUS_SUPER; s++, block += 136) {
        memcpy(panel + row * 2, block, 2);
        panel += 16;
        const unsigned high = block[2] | (unsigned)block[3] << 8;
        for (size_t j = 0; j < 8; j++, panel += 8 + NIBBLES) {
            uint8_t codes[32];
            const uint8_t *nibbles = block + 8 + j * 16;
            for (size_t i = 0; i < 16; i++) codes[i] = nibbles[i] & 15, codes[i + 16] = nibbles[i] >> 4;
            panel[row] = (uint8_t)(((block[4 + j / 2] >> (4 * (j % 2)) & 15) | (high >> (2 * j) & 3) << 4) - 32);
            put_nibbles(codes, row, panel + 8);
        }
    }
}

// F16 and BF16 as 16-bit codes with a power of two for each group: exact for a weight of at least 1/16 of the group's
// largest in F16 (1/128 in BF16), and within 2^-16 of the largest for all. Below 2^-24, where F16 ends, nothing is
// kept; above 2^30, where only BF16 goes, weights stop.
static void pack_i16(uint32_t ggml_type, const uint8_t *source, size_t row, size_t k, uint8_t *panel) {
    enum { EXPONENT_MIN = -24, EXPONENT_MAX = 15 }; // of a power of two in f16
    const size_t width = ggml_type == 0 ? 4 : 2;
    for (size_t g = 0; g < k / APUS_GROUP; g++, source += width * APUS_GROUP, panel += 16 + 2 * 256) {
        float weights[APUS_GROUP], most = 0;
        apus_dequantize(ggml_type, source, weights, APUS_GROUP);
        for (size_t i = 0; i < APUS_GROUP; i++) weights[i] = isnan(weights[i]) ? 0 : weights[i]; // it would be any code
        for (size_t i = 0; i < APUS_GROUP; i++) most = fabsf(weights[i]) > most ? fabsf(weights[i]) : most;
        int exponent = EXPONENT_MIN;
        if (most > 0) frexpf(most < FLT_MAX ? most : FLT_MAX, &exponent), exponent -= 15;
        exponent = exponent < EXPONENT_MIN ? EXPONENT_MIN : exponent > EXPONENT_MAX ? EXPONENT_MAX : exponent;
        const uint16_t scale = (uint16_t)(exponent < -14 ? 1 << (exponent + 24) : (exponent + 15) << 10);
        memcpy(panel + row * 2, &scale, 2);
        const float inverse = ldexpf(1, -exponent), shift = 12582912; // 1.5 * 2^23: what is added to it is rounded
        for (size_t i = 0; i < APUS_GROUP; i++) {
            const float code = weights[i] * inverse;
            const int stored = 32768 + (int)((code > 32767 ? 32767 : code < -32767 ? -32767 : code) + shift - shift);
            uint8_t *to = panel + 16 + (i / 4) * 32 + row * 4 + i % 4;
            to[0] = (uint8_t)(stored >> 8), to[256] = (uint8_t)(stored & 255);
        }
    }
}

static void pack_floats(size_t width, const uint8_t *source, size_t row, size_t k, uint8_t *panel) {
    for (size_t i = 0; i < k; i++) memcpy(panel + (i * APUS_PANEL_ROWS + row) * width, source + i * width, width);
}

void apus_pack_panel(
    uint32_t ggml_type, const void *source, size_t row_bytes, size_t rows, size_t k, void *panel) {
    const apus_panel_kind kind = apus_panel_kind_of(ggml_type, k);
    memset(panel, 0, apus_panel_bytes(kind, k));
    for (size_t row = 0; row < rows; row++) {
        const uint8_t *from = (const uint8_t *)source + row * row_bytes;
        switch (kind) {
        case APUS_PANEL_Q4_0:
        case APUS_PANEL_Q4_1:
        case APUS_PANEL_Q5_0:
        case APUS_PANEL_Q5_1:
        case APUS_PANEL_IQ4_NL:
        case APUS_PANEL_MXFP4: pack_blocks(kind, from, row, k, panel); break;
        case APUS_PANEL_Q8_0: pack_q8_0(from, row, k, panel); break;
        case APUS_PANEL_Q4_K:
        case APUS_PANEL_Q5_K: pack_q4_k_q5_k(kind, from, row, k, panel); break;
        case APUS_PANEL_Q6_K: pack_q6_k(from, row, k, panel); break;
        case APUS_PANEL_Q2_K: pack_q2_k(from, row, k, panel); break;
        case APUS_PANEL_Q3_K: pack_q3_k(from, row, k, panel); break;
        case APUS_PANEL_IQ4_XS: pack_iq4_xs(from, row, k, panel); break;
        case APUS_PANEL_I16: pack_i16(ggml_type, from, row, k, panel); break;
        case APUS_PANEL_F32: pack_floats(4, from, row, k, panel); break;
        case APUS_PANEL_F16:
        case APUS_PANEL_BF16: pack_floats(2, from, row, k, panel); break;
        case APUS_PANEL_NONE: break;
        }
    }
}
