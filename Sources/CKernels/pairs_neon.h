#ifndef APUS_PAIRS_NEON_H
#define APUS_PAIRS_NEON_H
#include "groups_neon.h"

// What smmla multiplies: rows of a panel and columns of activations in pairs. Include it inside the target's
// attribute.

// A group whose rows stand in pairs: 0 and 1, 2 and 3, ... Results come as row, row, next row, next row for a
// first column, a second, a first, a second.
typedef struct {
    int8x16_t codes[4][4];       // [8 weights along k][pair of rows]
    int32x4_t half_scales[2][4], half_mins[2][4]; // [half][pair of rows]
    float32x4_t scale[4], min[4];
    int8x16_t low[4][4];
} paired_group;

// The lanes of pair r of `rows`, each twice.
INLINE float32x4_t twice(const float32x4_t *rows, int r) {
    return r % 2 == 0 ? vzip1q_f32(rows[r / 2], rows[r / 2]) : vzip2q_f32(rows[r / 2], rows[r / 2]);
}
INLINE int32x4_t twice_s32(const int32x4_t *rows, int r) {
    return r % 2 == 0 ? vzip1q_s32(rows[r / 2], rows[r / 2]) : vzip2q_s32(rows[r / 2], rows[r / 2]);
}

INLINE void pair_codes(const int8x16_t (*from)[2], int8x16_t (*to)[4]) {
    UNROLL for (int i = 0; i < 8; i++) {
        const int32x4_t lower = vreinterpretq_s32_s8(from[i / 2 * 2][i % 2]);
        const int32x4_t upper = vreinterpretq_s32_s8(from[i / 2 * 2 + 1][i % 2]);
        to[i / 2][i % 2 * 2] = vreinterpretq_s8_s32(vzip1q_s32(lower, upper));
        to[i / 2][i % 2 * 2 + 1] = vreinterpretq_s8_s32(vzip2q_s32(lower, upper));
    }
}

INLINE void pair_rows(apus_panel_kind kind, const group *from, paired_group *to) {
    pair_codes(from->codes, to->codes);
    if (kind == APUS_PANEL_I16) pair_codes(from->low, to->low);
    UNROLL for (int r = 0; r < 4; r++) {
        to->scale[r] = twice(from->scale, r);
        if (has_min(kind) || has_half_mins(kind)) to->min[r] = twice(from->min, r);
        UNROLL for (int half = 0; half < 2; half++) {
            if (has_half_scales(kind)) to->half_scales[half][r] = twice_s32(from->half_scales[half], r);
            if (has_half_mins(kind)) to->half_mins[half][r] = twice_s32(from->half_mins[half], r);
        }
    }
}

// Two columns' group, side by side.
typedef struct {
    int8x16_t codes[4]; // [8 activations along k]
    float32x4_t scales, sums;
    int32x4_t wholes, halves[2];
} paired_columns;

// Of two that go `together` the second's scale and sum are those of both.
INLINE paired_columns pair_columns(const apus_activations *a, const apus_activations *b, int together) {
    paired_columns to;
    UNROLL for (int i = 0; i < 2; i++) {
        const int64x2_t first = vreinterpretq_s64_s8(vld1q_s8(a->codes + i * 16));
        const int64x2_t second = vreinterpretq_s64_s8(vld1q_s8(b->codes + i * 16));
        to.codes[i * 2] = vreinterpretq_s8_s64(vzip1q_s64(first, second));
        to.codes[i * 2 + 1] = vreinterpretq_s8_s64(vzip2q_s64(first, second));
    }
    const float32x2_t second = vld1_f32(&b->scale), first = together == 2 ? second : vld1_f32(&a->scale);
    const float32x2_t scales = vzip1_f32(first, second), sums = vzip2_f32(first, second);
    to.scales = vcombine_f32(scales, scales), to.sums = vcombine_f32(sums, sums);
    const int32x2_t wholes = vzip1_s32(vld1_dup_s32(&a->whole), vld1_dup_s32(&b->whole));
    to.wholes = vcombine_s32(wholes, wholes);
    UNROLL for (int i = 0; i < 2; i++) {
        const int32x2_t halves = vzip1_s32(vld1_dup_s32(&a->halves[i]), vld1_dup_s32(&b->halves[i]));
        to.halves[i] = vcombine_s32(halves, halves);
    }
    return to;
}

// In both lanes of a row: its product with the first column, in steps of the second, plus that with the second.
INLINE int32x4_t join_lanes(int32x4_t dot) {
    static const int32_t steps[4] = {APUS_PLANE_STEPS, 1, APUS_PLANE_STEPS, 1};
    const int32x4_t same = vmulq_s32(dot, vld1q_s32(steps));
    return vaddq_s32(same, vrev64q_s32(same));
}

#endif
