#ifndef APUS_GROUPS_NEON_H
#define APUS_GROUPS_NEON_H
#include "dequantize.h"
#include "neon.h"
#include "panel_kinds.h"

// How the NEON products read a group of a panel. A further kind is a case of read_scales and a line of
// read_codes, here, and a name in the list of matmul_neon.c. Include it inside the target's attribute.

// log2 of the offset that codes still have when they have been read, or 0: other kinds lose theirs on the
// way.
INLINE int kept_offset_bits(apus_panel_kind kind) {
    const int keeps = kind == APUS_PANEL_Q4_0 || kind == APUS_PANEL_Q3_K || kind == APUS_PANEL_Q6_K;
    return keeps ? offset_bits(kind) : 0;
}

// One group of one panel: 8 code vectors, what the dot products are multiplied with, and for kinds with
// halves the scales of those; of rows 0-3 and of rows 4-7.
typedef struct {
    int8x16_t codes[8][2];       // [vector][rows]
    int32x4_t half_scales[2][2], half_mins[2][2]; // [half][rows]
    float32x4_t scale[2], min[2];
    int8x16_t low[8][2];         // of I16, less 128: its codes are the upper halves
} group;

typedef struct { float32x4_t d[2], m[2]; } super_scales;

// Bytes less 128.
INLINE void read_bytes(const uint8_t *at, int8x16_t (*to)[2]) {
    UNROLL for (int i = 0; i < 16; i++)
        to[i / 2][i % 2] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(at + i * 16), vdupq_n_u8(128)));
}

INLINE void read_nibbles(const uint8_t *at, group *to) {
    UNROLL for (int i = 0; i < 8; i++) {
        const uint8x16_t packed = vld1q_u8(at + i * 16);
        to->codes[i / 2][i % 2] = vreinterpretq_s8_u8(vandq_u8(packed, vdupq_n_u8(15)));
        to->codes[i / 2 + 4][i % 2] = vreinterpretq_s8_u8(vshrq_n_u8(packed, 4));
    }
}

// Sets the upper half of a code.
INLINE int8x16_t insert(int8x16_t code, uint8x16_t upper) {
    return vsliq_n_s8(code, vreinterpretq_s8_u8(upper), 4);
}

// Five-bit codes lose their offset at once: a fifth bit that is not set is -16.
INLINE void add_fifth_bits(const uint8_t *at, group *to) {
    UNROLL for (int i = 0; i < 16; i++) {
        const uint8x16_t bits = vld1q_u8(at + i % 2 * 16), bit = vdupq_n_u8((uint8_t)(1 << i / 2));
        to->codes[i / 2][i % 2] = insert(to->codes[i / 2][i % 2], vceqzq_u8(vandq_u8(bits, bit)));
    }
}

INLINE uint8x16_t right(uint8x16_t v, int bits) { return vshlq_u8(v, vdupq_n_s8((int8_t)-bits)); }

// Two bits of code vector i / 2, of rows 0-3 for an even i and of rows 4-7 for an odd one.
INLINE uint8x16_t bit_pair(const uint8_t *at, int i) {
    return vandq_u8(right(vld1q_u8(at + i / 8 * 32 + i % 2 * 16), i / 2 % 4 * 2), vdupq_n_u8(3));
}

INLINE void add_bit_pairs(const uint8_t *at, group *to) {
    UNROLL for (int i = 0; i < 16; i++)
        to->codes[i / 2][i % 2] = insert(to->codes[i / 2][i % 2], bit_pair(at, i));
}

INLINE void read_pairs(const uint8_t *at, group *to) {
    UNROLL for (int i = 0; i < 16; i++) to->codes[i / 2][i % 2] = vreinterpretq_s8_u8(bit_pair(at, i));
}

INLINE void read_triples(const uint8_t *at, group *to) {
    const uint8x16_t seven = vdupq_n_u8(7), four = vdupq_n_u8(4);
    UNROLL for (int r = 0; r < 2; r++) {
        uint8x16_t all[3];
        UNROLL for (int i = 0; i < 3; i++) {
            all[i] = vld1q_u8(at + i * 32 + r * 16);
            to->codes[2 * i][r] = vreinterpretq_s8_u8(vandq_u8(all[i], seven));
            to->codes[2 * i + 1][r] = vreinterpretq_s8_u8(vandq_u8(right(all[i], 3), seven));
        }
        UNROLL for (int i = 0; i < 2; i++) {
            const uint8x16_t top = vandq_u8(right(all[1], 4 + i), four);
            to->codes[6 + i][r] = vreinterpretq_s8_u8(vorrq_u8(right(all[2 * i], 6), top));
        }
    }
}

// From numbers of levels to the levels.
INLINE void look_up(const int8_t *levels, group *to) {
    const int8x16_t table = vld1q_s8(levels);
    UNROLL for (int i = 0; i < 16; i++)
        to->codes[i / 2][i % 2] = vqtbl1q_s8(table, vreinterpretq_u8_s8(to->codes[i / 2][i % 2]));
}

INLINE void widen(int8x8_t bytes, int32x4_t *rows) {
    const int16x8_t wide = vmovl_s8(bytes);
    rows[0] = vmovl_s16(vget_low_s16(wide));
    rows[1] = vmovl_high_s16(wide);
}

INLINE void read_half_scales(const uint8_t *at, group *to) {
    const int8x8x2_t scales = vld2_s8((const int8_t *)at);
    widen(scales.val[0], to->half_scales[0]);
    widen(scales.val[1], to->half_scales[1]);
}

INLINE void read_half_scales_and_mins(const uint8_t *at, group *to) {
    const uint8x8x2_t both = vld2_u8(at);
    UNROLL for (int half = 0; half < 2; half++) {
        widen(vreinterpret_s8_u8(vand_u8(both.val[half], vdup_n_u8(15))), to->half_scales[half]);
        widen(vreinterpret_s8_u8(vshr_n_u8(both.val[half], 4)), to->half_mins[half]);
    }
}

// Reads the scales of group g, and those of the super-block that it begins, and returns where its codes
// begin.
INLINE const uint8_t *read_scales(
    apus_panel_kind kind, const uint8_t *at, size_t g, super_scales *super, group *to) {
    const int begins = g % 8 == 0;
    switch (kind) {
    case APUS_PANEL_Q4_K:
    case APUS_PANEL_Q5_K:
        if (begins) load_f16(at, super->d), load_f16(at + 16, super->m), at += 32;
        load_u8(at, to->scale);
        load_u8(at + 8, to->min);
        UNROLL for (int r = 0; r < 2; r++) {
            to->scale[r] = vmulq_f32(super->d[r], to->scale[r]);
            to->min[r] = vnegq_f32(vmulq_f32(super->m[r], to->min[r]));
        }
        at += 16;
        break;
    case APUS_PANEL_Q2_K:
        if (begins) load_f16(at, super->d), load_f16(at + 16, super->m), at += 32;
        UNROLL for (int r = 0; r < 2; r++) to->scale[r] = super->d[r], to->min[r] = super->m[r];
        read_half_scales_and_mins(at, to);
        at += 16;
        break;
    case APUS_PANEL_Q3_K:
    case APUS_PANEL_Q6_K:
        if (begins) load_f16(at, super->d), at += kind == APUS_PANEL_Q3_K ? 16 : 32;
        UNROLL for (int r = 0; r < 2; r++) to->scale[r] = super->d[r];
        read_half_scales(at, to);
        at += 16;
        break;
    case APUS_PANEL_IQ4_XS:
        if (begins) load_f16(at, super->d), at += 16;
        load_i8(at, to->scale);
        UNROLL for (int r = 0; r < 2; r++) to->scale[r] = vmulq_f32(super->d[r], to->scale[r]);
        at += 8;
        break;
    case APUS_PANEL_MXFP4:
        load_e8m0_halved(at, to->scale);
        at += 8;
        break;
    default:
        load_f16(at, to->scale);
        if (has_min(kind)) load_f16(at + 16, to->min);
        at += has_min(kind) ? 32 : 16;
    }
    if (has_min(kind) && has_fifth(kind)) {
        UNROLL for (int r = 0; r < 2; r++) to->min[r] = vfmaq_n_f32(to->min[r], to->scale[r], 16);
    }
    return at;
}

// Reads the codes of a group and returns where the next group begins.
INLINE const uint8_t *read_codes(apus_panel_kind kind, const uint8_t *at, group *to) {
    if (kind == APUS_PANEL_Q8_0 || kind == APUS_PANEL_I16) {
        read_bytes(at, to->codes);
        if (kind == APUS_PANEL_Q8_0) return at + 256;
        read_bytes(at + 256, to->low);
        return at + 512;
    }
    if (kind == APUS_PANEL_Q2_K) {
        read_pairs(at, to);
        return at + 64;
    }
    if (kind == APUS_PANEL_Q3_K) {
        read_triples(at, to);
        return at + 96;
    }
    const uint8_t *extra = at;
    at += has_fifth(kind) ? 32 : kind == APUS_PANEL_Q6_K ? 64 : 0;
    read_nibbles(at, to);
    if (has_fifth(kind)) add_fifth_bits(extra, to);
    if (kind == APUS_PANEL_Q6_K) add_bit_pairs(extra, to);
    if (is_iq4(kind)) look_up(apus_iq4_levels, to);
    if (kind == APUS_PANEL_MXFP4) look_up(apus_e2m1_doubled, to);
    return at + 128;
}

// Reads group g and returns where the next one begins.
INLINE const uint8_t *read_group(
    apus_panel_kind kind, const uint8_t *at, size_t g, super_scales *super, group *to) {
    return read_codes(kind, read_scales(kind, at, g, super, to), to);
}

#endif
