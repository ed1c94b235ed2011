#ifndef APUS_GROUPS_AVX512_H
#define APUS_GROUPS_AVX512_H
#include "dequantize.h"
#include "panel_kinds.h"
#include <immintrin.h>
#include <string.h>

// How the AVX-512 products read a group of two panels. Include it inside the target's attribute.

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

// Where two panels are read; for one alone both are the same.
typedef struct { const uint8_t *at[2]; } panel_pair;

// One group of both panels. Of Q6_K the halves have scales; of Q2_K they have mins, side by side in 16 bits.
typedef struct {
    __m512i codes[8], low[8], half_mins; // low: of I16, whose codes are the upper halves
    __m512 scale, min, half_scales[2];
} group;

typedef struct { __m512 d, m; } super_scales;

INLINE __m512i load(const panel_pair *p, size_t offset) {
    const __m256i first = _mm256_loadu_si256((const __m256i *)(p->at[0] + offset));
    return _mm512_inserti64x4(
        _mm512_castsi256_si512(first), _mm256_loadu_si256((const __m256i *)(p->at[1] + offset)), 1);
}
INLINE __m256i load_halves(const panel_pair *p, size_t offset) {
    const __m128i first = _mm_loadu_si128((const __m128i *)(p->at[0] + offset));
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(first), _mm_loadu_si128((const __m128i *)(p->at[1] + offset)), 1);
}
INLINE __m512 load_f16(const panel_pair *p, size_t offset) { return _mm512_cvtph_ps(load_halves(p, offset)); }
INLINE __m128i load_quarters(const panel_pair *p, size_t offset) {
    const __m128i first = _mm_loadl_epi64((const __m128i *)(p->at[0] + offset));
    return _mm_unpacklo_epi64(first, _mm_loadl_epi64((const __m128i *)(p->at[1] + offset)));
}
INLINE __m512 load_u8(const panel_pair *p, size_t offset) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_quarters(p, offset)));
}
INLINE __m512 load_i8(const panel_pair *p, size_t offset) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_quarters(p, offset)));
}
// 2^(e - 128): the exponent in its place. The subnormals of e < 2 are (e + 1) << 21, which is less for all others.
INLINE __m512 load_e8m0_halved(const panel_pair *p, size_t offset) {
    const __m512i e = _mm512_cvtepu8_epi32(load_quarters(p, offset)), one = _mm512_set1_epi32(1);
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, one), 23);
    return _mm512_castsi512_ps(_mm512_max_epi32(normal, _mm512_slli_epi32(_mm512_add_epi32(e, one), 21)));
}
INLINE __m512i broadcast_32(const void *p) {
    int32_t word;
    memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
}
INLINE void advance(panel_pair *p, size_t bytes) { p->at[0] += bytes, p->at[1] += bytes; }

// a | (b & c)
INLINE __m512i or_and(__m512i a, __m512i b, __m512i c) { return _mm512_ternarylogic_epi32(a, b, c, 0xf8); }

INLINE void read_nibbles(const panel_pair *p, __m512i *codes) {
    const __m512i low = _mm512_set1_epi8(15);
    UNROLL for (size_t j = 0; j < 4; j++) {
        const __m512i packed = load(p, j * 32);
        codes[j] = _mm512_and_si512(packed, low);
        codes[j + 4] = _mm512_and_si512(_mm512_srli_epi16(packed, 4), low);
    }
}

INLINE void add_fifth_bits(__m512i fifth, __m512i *codes) {
    const __m512i sixteen = _mm512_set1_epi8(16);
    UNROLL for (unsigned j = 0; j < 8; j++) {
        const __m512i moved = j < 4 ? _mm512_slli_epi16(fifth, 4 - j) : _mm512_srli_epi16(fifth, j - 4);
        codes[j] = or_and(codes[j], moved, sixteen);
    }
}

INLINE void add_bit_pairs(const __m512i *pairs, __m512i *codes) {
    const __m512i upper = _mm512_set1_epi8(0x30);
    UNROLL for (int j = 0; j < 8; j++) {
        const __m512i all = pairs[j / 4];
        const __m512i moved = j % 4 == 0   ? _mm512_slli_epi16(all, 4)
                              : j % 4 == 1 ? _mm512_slli_epi16(all, 2)
                              : j % 4 == 2 ? all
                                           : _mm512_srli_epi16(all, 2);
        codes[j] = or_and(codes[j], moved, upper);
    }
}

INLINE void read_pairs(const panel_pair *p, __m512i *codes) {
    UNROLL for (unsigned j = 0; j < 8; j++)
        codes[j] = _mm512_and_si512(_mm512_srli_epi16(load(p, j / 4 * 32), j % 4 * 2), _mm512_set1_epi8(3));
}

INLINE void read_triples(const panel_pair *p, __m512i *codes) {
    const __m512i seven = _mm512_set1_epi8(7), three = _mm512_set1_epi8(3), four = _mm512_set1_epi8(4);
    __m512i all[3];
    UNROLL for (size_t i = 0; i < 3; i++) {
        all[i] = load(p, i * 32);
        codes[2 * i] = _mm512_and_si512(all[i], seven);
        codes[2 * i + 1] = _mm512_and_si512(_mm512_srli_epi16(all[i], 3), seven);
    }
    UNROLL for (unsigned i = 0; i < 2; i++) {
        const __m512i low = _mm512_and_si512(_mm512_srli_epi16(all[2 * i], 6), three);
        codes[6 + i] = or_and(low, _mm512_srli_epi16(all[1], 4 + i), four);
    }
}

// codes[j] = table[codes[j]], where the table's signed levels become unsigned.
INLINE void look_up(apus_panel_kind kind, const int8_t *levels, __m512i *codes) {
    const __m512i offset = _mm512_set1_epi8((char)(1 << offset_bits(kind)));
    const __m512i signed_levels = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)levels));
    const __m512i table = _mm512_add_epi8(signed_levels, offset);
    UNROLL for (int j = 0; j < 8; j++) codes[j] = _mm512_shuffle_epi8(table, codes[j]);
}

// In every lane of 32 bits its 16-bit half h, twice.
INLINE __m512i spread(__m512i lanes, int h) {
    const __m512i first = _mm512_set1_epi64(0x0504050401000100), second = _mm512_set1_epi64(0x0706070603020302);
    const __m512i lane = _mm512_set4_epi32(0x08080808, 0x08080808, 0, 0);
    return _mm512_shuffle_epi8(lanes, _mm512_add_epi8(h ? second : first, lane));
}

// The codes of Q2_K and Q3_K are so small that their product with the scale of their half is a byte, which spares
// every column the scaling of its sums. Two bytes are multiplied at once in 16 bits: what one loses to the other
// comes back in what is added.
//
// Q2_K: s*q is at most 45. Q3_K: 128 - s*(q-4) is 0 ... 252; its negative sign goes into the scale.
INLINE void scale_codes(apus_panel_kind kind, __m512i scales, __m512i *codes) {
    UNROLL for (int h = 0; h < 2; h++) {
        const __m512i scale = spread(scales, h);
        if (kind == APUS_PANEL_Q2_K) {
            UNROLL for (int j = 4 * h; j < 4 * h + 4; j++) codes[j] = _mm512_mullo_epi16(codes[j], scale);
            continue;
        }
        // 128 + 4s is a byte: 257 times it is that byte twice.
        const __m512i byte = _mm512_add_epi16(_mm512_slli_epi16(scale, 2), _mm512_set1_epi16(128));
        const __m512i twice = _mm512_or_si512(byte, _mm512_slli_epi16(byte, 8));
        UNROLL for (int j = 4 * h; j < 4 * h + 4; j++)
            codes[j] = _mm512_sub_epi16(twice, _mm512_mullo_epi16(codes[j], scale));
    }
}

// Reads the scales of group g, and those of the super-block that it begins, and moves on to its codes. Returns the
// scales that scale_codes wants.
INLINE __m512i read_scales(apus_panel_kind kind, panel_pair *p, size_t g, super_scales *super, group *to) {
    __m512i of_codes = _mm512_setzero_si512();
    if (is_super(kind) && g % 8 == 0) {
        super->d = load_f16(p, 0);
        if (kind == APUS_PANEL_Q3_K) super->d = _mm512_xor_ps(super->d, _mm512_set1_ps(-0.0f));
        if (has_min(kind) || has_half_mins(kind)) super->m = load_f16(p, 16);
        advance(p, kind == APUS_PANEL_Q3_K || kind == APUS_PANEL_IQ4_XS ? 16 : 32);
    }
    switch (kind) {
    case APUS_PANEL_Q2_K:
        of_codes = _mm512_cvtepu8_epi16(load_halves(p, 0));
        to->half_mins = _mm512_srli_epi16(of_codes, 4);
        of_codes = _mm512_and_si512(of_codes, _mm512_set1_epi16(15));
        to->scale = super->d, to->min = super->m;
        advance(p, 16);
        break;
    case APUS_PANEL_Q3_K:
        of_codes = _mm512_cvtepi8_epi16(load_halves(p, 0));
        to->scale = super->d;
        advance(p, 16);
        break;
    case APUS_PANEL_Q4_K:
    case APUS_PANEL_Q5_K:
        to->scale = _mm512_mul_ps(super->d, load_u8(p, 0));
        to->min = _mm512_xor_ps(_mm512_mul_ps(super->m, load_u8(p, 8)), _mm512_set1_ps(-0.0f));
        advance(p, 16);
        break;
    case APUS_PANEL_Q6_K: {
        const __m512i both = _mm512_cvtepi16_epi32(load_halves(p, 0)); // the scale of the first half in the low byte
        to->half_scales[0] = _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(both, 24), 24));
        to->half_scales[1] = _mm512_cvtepi32_ps(_mm512_srai_epi32(both, 8));
        to->scale = super->d;
        advance(p, 16);
        break;
    }
    case APUS_PANEL_IQ4_XS:
        to->scale = _mm512_mul_ps(super->d, load_i8(p, 0));
        advance(p, 8);
        break;
    case APUS_PANEL_MXFP4:
        to->scale = load_e8m0_halved(p, 0);
        advance(p, 8);
        break;
    default:
        to->scale = load_f16(p, 0);
        if (has_min(kind)) to->min = load_f16(p, 16);
        advance(p, has_min(kind) ? 32 : 16);
    }
    if (has_min(kind) && has_fifth(kind)) to->min = _mm512_fmadd_ps(_mm512_set1_ps(16), to->scale, to->min);
    return of_codes;
}

// Reads the codes of a group and moves on to the next one.
INLINE void read_codes(apus_panel_kind kind, panel_pair *p, __m512i *codes, __m512i *low) {
    const panel_pair at = *p;
    switch (kind) {
    case APUS_PANEL_Q2_K:
        read_pairs(&at, codes);
        advance(p, 64);
        return;
    case APUS_PANEL_Q3_K:
        read_triples(&at, codes);
        advance(p, 96);
        return;
    case APUS_PANEL_Q8_0:
        UNROLL for (size_t j = 0; j < 8; j++) codes[j] = load(&at, j * 32);
        advance(p, 256);
        return;
    case APUS_PANEL_I16:
        UNROLL for (size_t j = 0; j < 8; j++) codes[j] = load(&at, j * 32), low[j] = load(&at, 256 + j * 32);
        advance(p, 512);
        return;
    default: break;
    }
    advance(p, has_fifth(kind) ? 32 : kind == APUS_PANEL_Q6_K ? 64 : 0);
    read_nibbles(p, codes);
    if (has_fifth(kind)) add_fifth_bits(load(&at, 0), codes);
    if (kind == APUS_PANEL_Q6_K) {
        const __m512i pairs[2] = {load(&at, 0), load(&at, 32)};
        add_bit_pairs(pairs, codes);
    }
    if (is_iq4(kind)) look_up(kind, apus_iq4_levels, codes);
    if (kind == APUS_PANEL_MXFP4) look_up(kind, apus_e2m1_doubled, codes);
    advance(p, 128);
}

// Reads group g and moves on to the next one.
INLINE void read_group(apus_panel_kind kind, panel_pair *p, size_t g, super_scales *super, group *to) {
    const __m512i of_codes = read_scales(kind, p, g, super, to);
    read_codes(kind, p, to->codes, to->low);
    if (kind == APUS_PANEL_Q2_K || kind == APUS_PANEL_Q3_K) scale_codes(kind, of_codes, to->codes);
}

#endif
