#ifndef APUS_GROUPS_AVX2_H
#define APUS_GROUPS_AVX2_H
#include "avx2.h"
#include "dequantize.h"
#include "panel_kinds.h"

// How the AVX2 products read a group of a panel. Include it inside the target's attribute.

// One group of one panel: 8 code vectors, what the dot products are multiplied with, and for some kinds the scales
// of its halves, each twice side by side in 16 bits, and the mins of its halves, side by side.
typedef struct {
    __m256i codes[8], half_scales[2], half_mins;
    __m256 scale, min;
} group;

typedef struct { __m256 d, m; } super_scales;

INLINE void add_fifth_bits(const uint8_t *bits, __m256i *codes) {
    const __m256i sixteen = _mm256_set1_epi8(16), fifth = load(bits);
    UNROLL for (int j = 0; j < 8; j++) {
        const __m256i moved = j < 4 ? _mm256_slli_epi16(fifth, 4 - j) : _mm256_srli_epi16(fifth, j - 4);
        codes[j] = _mm256_or_si256(codes[j], _mm256_and_si256(moved, sixteen));
    }
}

INLINE void read_pairs(const uint8_t *pairs, __m256i *codes) {
    UNROLL for (int j = 0; j < 8; j++)
        codes[j] = _mm256_and_si256(_mm256_srli_epi16(load(pairs + j / 4 * 32), j % 4 * 2), _mm256_set1_epi8(3));
}

INLINE void add_bit_pairs(const uint8_t *pairs, __m256i *codes) {
    const __m256i upper = _mm256_set1_epi8(0x30);
    UNROLL for (int j = 0; j < 8; j++) {
        const __m256i all = load(pairs + j / 4 * 32);
        const __m256i moved = j % 4 == 0   ? _mm256_slli_epi16(all, 4)
                              : j % 4 == 1 ? _mm256_slli_epi16(all, 2)
                              : j % 4 == 2 ? all
                                           : _mm256_srli_epi16(all, 2);
        codes[j] = _mm256_or_si256(codes[j], _mm256_and_si256(moved, upper));
    }
}

INLINE void read_nibbles(const uint8_t *nibbles, __m256i *codes) {
    const __m256i low = _mm256_set1_epi8(15);
    UNROLL for (int j = 0; j < 4; j++) {
        const __m256i packed = load(nibbles + j * 32);
        codes[j] = _mm256_and_si256(packed, low);
        codes[j + 4] = _mm256_and_si256(_mm256_srli_epi16(packed, 4), low);
    }
}

INLINE void read_triples(const uint8_t *triples, __m256i *codes) {
    const __m256i seven = _mm256_set1_epi8(7), three = _mm256_set1_epi8(3), four = _mm256_set1_epi8(4);
    __m256i all[3];
    UNROLL for (int i = 0; i < 3; i++) {
        all[i] = load(triples + i * 32);
        codes[2 * i] = _mm256_and_si256(all[i], seven);
        codes[2 * i + 1] = _mm256_and_si256(_mm256_srli_epi16(all[i], 3), seven);
    }
    UNROLL for (int i = 0; i < 2; i++) {
        const __m256i low = _mm256_and_si256(_mm256_srli_epi16(all[2 * i], 6), three);
        const __m256i top = _mm256_and_si256(_mm256_srli_epi16(all[1], 4 + i), four);
        codes[6 + i] = _mm256_or_si256(low, top);
    }
}

// From the scales of both halves side by side.
INLINE void spread_half_scales(__m256i scales, group *to) {
    const __m256i lower = _mm256_set1_epi32(0xffff);
    to->half_scales[0] = _mm256_or_si256(_mm256_and_si256(scales, lower), _mm256_slli_epi32(scales, 16));
    to->half_scales[1] = _mm256_or_si256(_mm256_andnot_si256(lower, scales), _mm256_srli_epi32(scales, 16));
}

INLINE __m256i read_table(const void *of_16) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(of_16));
}

// Reads the scales of group g, and those of the super-block that it begins, and returns where its codes begin.
INLINE const uint8_t *read_scales(
    apus_panel_kind kind, const uint8_t *at, size_t g, super_scales *super, group *to) {
    const int begins = g % 8 == 0;
    switch (kind) {
    case APUS_PANEL_Q4_K:
    case APUS_PANEL_Q5_K:
        if (begins) super->d = load_f16(at), super->m = load_f16(at + 16), at += 32;
        to->scale = _mm256_mul_ps(super->d, load_u8(at));
        to->min = _mm256_xor_ps(_mm256_mul_ps(super->m, load_u8(at + 8)), _mm256_set1_ps(-0.0f));
        at += 16;
        break;
    case APUS_PANEL_Q2_K: {
        if (begins) super->d = load_f16(at), super->m = load_f16(at + 16), at += 32;
        const __m256i both = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)at));
        to->scale = super->d;
        to->min = super->m;
        spread_half_scales(_mm256_and_si256(both, _mm256_set1_epi16(15)), to);
        to->half_mins = _mm256_srli_epi16(both, 4);
        at += 16;
        break;
    }
    case APUS_PANEL_Q3_K:
    case APUS_PANEL_Q6_K:
        if (begins) super->d = load_f16(at), at += kind == APUS_PANEL_Q3_K ? 16 : 32;
        to->scale = super->d;
        spread_half_scales(_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)at)), to);
        at += 16;
        break;
    case APUS_PANEL_IQ4_XS:
        if (begins) super->d = load_f16(at), at += 16;
        to->scale = _mm256_mul_ps(super->d, load_i8(at));
        at += 8;
        break;
    case APUS_PANEL_MXFP4:
        to->scale = load_e8m0_halved(at);
        at += 8;
        break;
    default:
        to->scale = load_f16(at);
        if (has_min(kind)) to->min = load_f16(at + 16);
        at += has_min(kind) ? 32 : 16;
    }
    if (has_min(kind) && has_fifth(kind)) to->min = _mm256_fmadd_ps(_mm256_set1_ps(16), to->scale, to->min);
    return at;
}

// Reads the codes of a group and returns where the next group begins. Bytes and numbers of
// levels of IQ4 are left whole, for `parts`.
INLINE const uint8_t *read_codes(apus_panel_kind kind, const uint8_t *at, __m256i *codes) {
    if (kind == APUS_PANEL_Q8_0) {
        UNROLL for (int j = 0; j < 8; j++) codes[j] = load(at + j * 32);
        return at + 256;
    }
    if (kind == APUS_PANEL_Q2_K) {
        read_pairs(at, codes);
        return at + 64;
    }
    if (kind == APUS_PANEL_Q3_K) {
        read_triples(at, codes);
        return at + 96;
    }
    const uint8_t *extra = at;
    at += has_fifth(kind) ? 32 : kind == APUS_PANEL_Q6_K ? 64 : 0;
    read_nibbles(at, codes);
    if (has_fifth(kind)) add_fifth_bits(extra, codes);
    if (kind == APUS_PANEL_Q6_K) add_bit_pairs(extra, codes);
    if (kind == APUS_PANEL_MXFP4) {
        const __m256i offset = _mm256_set1_epi8((char)(1 << offset_bits(kind)));
        const __m256i levels = _mm256_add_epi8(read_table(apus_e2m1_doubled), offset);
        UNROLL for (int j = 0; j < 8; j++) codes[j] = _mm256_shuffle_epi8(levels, codes[j]);
    }
    return at + 128;
}

// Reads group g and returns where the next one begins.
INLINE const uint8_t *read_group(
    apus_panel_kind kind, const uint8_t *at, size_t g, super_scales *super, group *to) {
    return read_codes(kind, read_scales(kind, at, g, super, to), to->codes);
}

// Codes of 8 bits are multiplied in two parts whose products fit 16-bit sums: code = high_factor * high + low. Bytes
// are cut into nibbles. The levels of IQ4 lie near a line, level[q] + 128 = 15 q + rest[q] with rest[q] in 1...19, so
// that q itself is the high part.
INLINE int high_factor(apus_panel_kind kind) { return is_iq4(kind) ? 15 : 16; }

INLINE __m256i rests(void) {
    static const uint8_t line[16] = {0, 15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165, 180, 195, 210, 225};
    const __m256i unsigned_levels = _mm256_xor_si256(read_table(apus_iq4_levels), _mm256_set1_epi8(-128));
    return _mm256_sub_epi8(unsigned_levels, read_table(line));
}

INLINE void parts(apus_panel_kind kind, __m256i code, __m256i *low, __m256i *high) {
    if (is_iq4(kind)) {
        *low = _mm256_shuffle_epi8(rests(), code);
        *high = code;
    } else {
        const __m256i nibble = _mm256_set1_epi8(15);
        *low = _mm256_and_si256(code, nibble);
        *high = _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble);
    }
}

#endif
