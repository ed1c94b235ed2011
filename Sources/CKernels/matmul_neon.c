#include "matmul.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#include "groups_neon.h"

// sdot multiplies signed codes and adds four products into each 32-bit lane; with one lane of the activations
// for all four, that is four k of four rows, just as a panel has them. smmla does eight k of two rows with
// two columns, twice the products, but wants a panel's vectors interleaved in pairs: that costs what it
// saves, unless columns share it. So one to four columns are multiplied by sdot in both variants, straight
// from the panel, and more go over panels unpacked into tiles, which are interleaved where the CPU has smmla
// (FEAT_I8MM).
//
// Sums have 32 bits, so nothing wraps. An offset is taken from the codes in a tile; straight from a panel,
// the sums begin with minus the offset times the sum of the activations.

// ---- sdot: columns one by one.

// 2^bits times minus the sum of a column's codes, in every lane.
INLINE int32x4_t beginning(const int32_t *sum, int bits) {
    return bits ? vshlq_s32(vld1q_dup_s32(sum), vdupq_n_s32(bits)) : vdupq_n_s32(0);
}

// What the products with the lower halves of codes are added to: those with the upper halves, and, as lower
// halves have been read less 128, as many times the sum of a column's codes, which `whole` is minus.
INLINE int32x4_t before_low(int32x4_t upper, int32x4_t whole) {
    return vsubq_s32(vshlq_n_s32(upper, 8), vshlq_n_s32(whole, 7));
}

// d * dot + m * min dot, rounded as matmul.h says.
INLINE float32x4_t with_min(float32x4_t d, int32x4_t dot, float32x4_t m, int32x4_t min_dot) {
    return vfmaq_f32(vmulq_f32(d, vcvtq_f32_s32(dot)), m, vcvtq_f32_s32(min_dot));
}

// Physical columns that give one sum, and are neighbours.
INLINE int planes_together(apus_panel_kind kind, int planes) { return joins_planes(kind) ? planes : 1; }

// Adds the products of one group with np physical columns, `stride` groups apart and so many `together`, to their
// sums, [column][rows]. The codes of a group that `begins` still have their offset.
INLINE void add_group(
    apus_panel_kind kind, int begins, const group *w, const apus_activations *x, size_t stride, int np, int together,
    float32x4_t (*acc)[2]) {
    const int bits = begins ? kept_offset_bits(kind) : 0, halves = has_half_scales(kind) ? 2 : 1;
    int32x4_t s[4][2][2]; // [column][half][rows]
    int8x16_t codes[4][2];
    float32x2_t scale_and_sum[4];
    UNROLL for (int c = 0; c < np; c++) {
        const apus_activations *at = x + (size_t)c * stride;
        codes[c][0] = vld1q_s8(at->codes), codes[c][1] = vld1q_s8(at->codes + 16);
        scale_and_sum[c] = vld1_f32(&at->scale); // the sum stands behind the scale
        UNROLL for (int h = 0; h < halves; h++)
            s[c][h][0] = s[c][h][1] = beginning(halves == 2 ? &at->halves[h] : &at->whole, bits);
    }
#define ADD_LANE(CODES, LANE)                                                                               \
    UNROLL for (int i = 0; i < np * 2; i++) {                                                               \
        const int c = i / 2, r = i % 2;                                                                     \
        int32x4_t *first = &s[c][0][r], *second = &s[c][halves - 1][r];                                     \
        *first = vdotq_laneq_s32(*first, (CODES)[LANE][r], codes[c][0], LANE);                              \
        *second = vdotq_laneq_s32(*second, (CODES)[LANE + 4][r], codes[c][1], LANE);                        \
    }
#define ADD_LANES(CODES) ADD_LANE(CODES, 0) ADD_LANE(CODES, 1) ADD_LANE(CODES, 2) ADD_LANE(CODES, 3)
    ADD_LANES(w->codes)
    if (kind == APUS_PANEL_I16) {
        UNROLL for (int i = 0; i < np * 2; i++) {
            const int32x4_t whole = vld1q_dup_s32(&x[(size_t)(i / 2) * stride].whole);
            s[i / 2][0][i % 2] = before_low(s[i / 2][0][i % 2], whole);
        }
        ADD_LANES(w->low)
    }
#undef ADD_LANES
#undef ADD_LANE
    UNROLL for (int i = 0; i < np * 2; i++) {
        const int c = i / 2, r = i % 2;
        if ((c + 1) % together) continue;
        int32x4_t dot = s[c][0][r];
        if (together == 2) dot = vmlaq_n_s32(dot, s[c - 1][0][r], APUS_PLANE_STEPS);
        if (halves == 2) {
            dot = vmulq_s32(dot, w->half_scales[0][r]);
            dot = vmlaq_s32(dot, s[c][1][r], w->half_scales[1][r]);
        }
        if (has_half_mins(kind)) {
            const int32x2_t halves_of_x = vld1_s32(x[(size_t)c * stride].halves);
            int32x4_t min_dot = vmulq_lane_s32(w->half_mins[0][r], halves_of_x, 0);
            min_dot = vmlaq_lane_s32(min_dot, w->half_mins[1][r], halves_of_x, 1);
            const float32x4_t sum = with_min(w->scale[r], dot, w->min[r], min_dot);
            acc[c][r] = vfmaq_lane_f32(acc[c][r], sum, scale_and_sum[c], 0);
            continue;
        }
        const float32x4_t scale = vmulq_lane_f32(w->scale[r], scale_and_sum[c], 0);
        acc[c][r] = vfmaq_f32(acc[c][r], vcvtq_f32_s32(dot), scale);
        if (has_min(kind)) acc[c][r] = vfmaq_lane_f32(acc[c][r], w->min[r], scale_and_sum[c], 1);
    }
}

// Writes the sums of np physical columns.
INLINE void store_columns(
    float32x4_t (*acc)[2], size_t np, int planes, int together, float *out, size_t out_stride) {
    for (size_t c = (size_t)planes - 1; c < np; c += (size_t)planes, out += out_stride) {
        for (int r = 0; r < 2; r++)
            vst1q_f32(out + r * 4, together < planes ? vaddq_f32(acc[c - 1][r], acc[c][r]) : acc[c][r]);
    }
}

INLINE void few_of_kind(
    apus_panel_kind kind, const uint8_t *panel, const apus_activations *x, size_t groups, int np, int planes,
    float *out, size_t out_stride) {
    const int together = planes_together(kind, planes);
    float32x4_t acc[4][2];
    super_scales super;
    UNROLL for (int i = 0; i < np * 2; i++) acc[i / 2][i % 2] = vdupq_n_f32(0);
    for (size_t g = 0; g < groups; g++, x++) {
        group w;
        panel = read_group(kind, panel, g, &super, &w);
        add_group(kind, 1, &w, x, apus_column_stride(groups), np, together, acc);
    }
    store_columns(acc, (size_t)np, planes, together, out, out_stride);
}

// ---- Many columns: a panel is unpacked into tiles that stay in the first-level cache, and all columns pass
// over a tile, four at a time: their sums, integer and float, and their codes fill the registers.

// FEW_MAX: physical columns up to which unpacking into tiles does not pay.
enum { TILE_GROUPS = 24, COLUMNS_MAX = 128, FEW_MAX = 4 };

// Tile i of a row of groups: first ..< end.
typedef struct { size_t first, end; } span;
INLINE size_t tile_count(size_t groups) { return (groups + TILE_GROUPS - 1) / TILE_GROUPS; }
INLINE span tile_span(size_t groups, size_t i) {
    const size_t tiles = tile_count(groups);
    return (span){groups * i / tiles, groups * (i + 1) / tiles};
}

INLINE const uint8_t *read_signed_group(
    apus_panel_kind kind, const uint8_t *at, size_t g, super_scales *super, group *to) {
    at = read_group(kind, at, g, super, to);
    if (!kept_offset_bits(kind)) return at;
    const int8x16_t offset = vdupq_n_s8((int8_t)(1 << kept_offset_bits(kind)));
    UNROLL for (int i = 0; i < 16; i++) to->codes[i / 2][i % 2] = vsubq_s8(to->codes[i / 2][i % 2], offset);
    return at;
}

INLINE void columns_over_tile(
    apus_panel_kind kind, const group *w, size_t count, const apus_activations *x, size_t stride, int np, int together,
    float32x4_t (*acc)[2]) {
    float32x4_t sums[4][2];
    UNROLL for (int c = 0; c < np; c++) sums[c][0] = acc[c][0], sums[c][1] = acc[c][1];
    for (size_t i = 0; i < count; i++) add_group(kind, 0, w + i, x + i, stride, np, together, sums);
    UNROLL for (int c = 0; c < np; c++) acc[c][0] = sums[c][0], acc[c][1] = sums[c][1];
}

INLINE void many_of_kind(
    apus_panel_kind kind, const uint8_t *panel, const apus_activations *x, size_t groups, size_t np,
    int planes, float *out, size_t out_stride) {
    const size_t stride = apus_column_stride(groups);
    const int together = planes_together(kind, planes);
    float32x4_t acc[COLUMNS_MAX][2];
    group w[TILE_GROUPS];
    super_scales super;
    memset(acc, 0, np * sizeof acc[0]);
    for (size_t i = 0; i < tile_count(groups); i++) {
        const span tile = tile_span(groups, i);
        const size_t count = tile.end - tile.first;
        for (size_t g = 0; g < count; g++)
            panel = read_signed_group(kind, panel, tile.first + g, &super, &w[g]);
        const apus_activations *at = x + tile.first;
        size_t c = 0;
        for (; np - c >= 4; c += 4) columns_over_tile(kind, w, count, at + c * stride, stride, 4, together, acc + c);
        if (np - c >= 2) columns_over_tile(kind, w, count, at + c * stride, stride, 2, together, acc + c), c += 2;
        if (planes == 1 && c < np) columns_over_tile(kind, w, count, at + c * stride, stride, 1, 1, acc + c);
    }
    store_columns(acc, np, planes, together, out, out_stride);
}

#define FEW(KIND, N, PLANES) \
    case N: few_of_kind(APUS_PANEL_##KIND, panel, x, groups, N, PLANES, out, out_stride); break;
#define KIND(KIND)                                                                                          \
    static __attribute__((noinline)) void few_##KIND(                                                       \
        const uint8_t *panel, const apus_activations *x, size_t groups, size_t np, int planes, float *out,  \
        size_t out_stride) {                                                                                \
        if (planes == 2) {                                                                                  \
            switch (np) { FEW(KIND, 2, 2) FEW(KIND, 4, 2) }                                                 \
        } else {                                                                                            \
            switch (np) { FEW(KIND, 1, 1) FEW(KIND, 2, 1) FEW(KIND, 4, 1) }                                 \
        }                                                                                                   \
    }                                                                                                       \
    static __attribute__((noinline)) void many_##KIND(                                                      \
        const uint8_t *panel, const apus_activations *x, size_t groups, size_t np, int planes, float *out,  \
        size_t out_stride) {                                                                                \
        if (planes == 2) many_of_kind(APUS_PANEL_##KIND, panel, x, groups, np, 2, out, out_stride);         \
        else many_of_kind(APUS_PANEL_##KIND, panel, x, groups, np, 1, out, out_stride);                     \
    }
QUANTIZED_KINDS
#undef KIND
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("dotprod,i8mm"))), apply_to = function)

#include "pairs_neon.h"

// ---- smmla: two columns by two rows.

// Passes `pairs` pairs of physical columns over a tile. `x`: the columns, two a pair; one without another stands there
// twice. Of two that go `together` both lanes have the sum.
INLINE void pairs_over_tile(
    apus_panel_kind kind, const paired_group *w, size_t count, const apus_activations *const *x, int pairs,
    int together, float32x4_t (*acc)[4]) {
    const int halves = has_half_scales(kind) ? 2 : 1;
    float32x4_t sums[2][4];
    UNROLL for (int i = 0; i < pairs * 4; i++) sums[i / 4][i % 4] = acc[i / 4][i % 4];
    for (size_t g = 0; g < count; g++, w++) {
        paired_columns columns[2];
        int32x4_t s[2][2][4]; // [half][pair of columns][pair of rows]
        UNROLL for (int p = 0; p < pairs; p++) columns[p] = pair_columns(x[p * 2] + g, x[p * 2 + 1] + g, together);
        UNROLL for (int i = 0; i < 16; i++) s[i / 8][i / 4 % 2][i % 4] = vdupq_n_s32(0);
#define ADD_PAIRS(CODES)                                                                                    \
    UNROLL for (int i = 0; i < 16 * pairs; i++) {                                                           \
        const int at = i / pairs, p = i % pairs;                                                            \
        int32x4_t *sum = &s[halves == 2 ? at / 8 : 0][p][at % 4];                                           \
        *sum = vmmlaq_s32(*sum, (CODES)[at / 4][at % 4], columns[p].codes[at / 4]);                         \
    }
        ADD_PAIRS(w->codes)
        if (kind == APUS_PANEL_I16) {
            UNROLL for (int i = 0; i < pairs * 4; i++)
                s[0][i / 4][i % 4] = before_low(s[0][i / 4][i % 4], columns[i / 4].wholes);
            ADD_PAIRS(w->low)
        }
#undef ADD_PAIRS
        UNROLL for (int i = 0; i < pairs * 4; i++) {
            const int p = i / 4, r = i % 4;
            int32x4_t dot = s[0][p][r];
            if (together == 2) dot = join_lanes(dot);
            if (halves == 2) {
                dot = vmulq_s32(dot, w->half_scales[0][r]);
                dot = vmlaq_s32(dot, s[1][p][r], w->half_scales[1][r]);
            }
            if (has_half_mins(kind)) {
                int32x4_t min_dot = vmulq_s32(w->half_mins[0][r], columns[p].halves[0]);
                min_dot = vmlaq_s32(min_dot, w->half_mins[1][r], columns[p].halves[1]);
                const float32x4_t sum = with_min(w->scale[r], dot, w->min[r], min_dot);
                sums[p][r] = vfmaq_f32(sums[p][r], sum, columns[p].scales);
                continue;
            }
            const float32x4_t scale = vmulq_f32(w->scale[r], columns[p].scales);
            sums[p][r] = vfmaq_f32(sums[p][r], vcvtq_f32_s32(dot), scale);
            if (has_min(kind)) sums[p][r] = vfmaq_f32(sums[p][r], w->min[r], columns[p].sums);
        }
    }
    UNROLL for (int i = 0; i < pairs * 4; i++) acc[i / 4][i % 4] = sums[i / 4][i % 4];
}

INLINE void store_pairs(
    float32x4_t (*acc)[4], size_t np, int planes, int together, float *out, size_t out_stride) {
    for (size_t c = 0; c < np; c += 2, acc++) {
        for (int r = 0; r < 2; r++) {
            const float32x4_t a = (*acc)[r * 2], b = (*acc)[r * 2 + 1];
            if (planes == 2) {
                vst1q_f32(out + r * 4, together == 2 ? vuzp1q_f32(a, b) : vpaddq_f32(a, b));
            } else {
                vst1q_f32(out + r * 4, vuzp1q_f32(a, b));
                if (c + 1 < np) vst1q_f32(out + out_stride + r * 4, vuzp2q_f32(a, b));
            }
        }
        out += planes == 2 ? out_stride : 2 * out_stride;
    }
}

INLINE void many_pairs_of_kind(
    apus_panel_kind kind, const uint8_t *panel, const apus_activations *x, size_t groups, size_t np,
    int planes, float *out, size_t out_stride) {
    const size_t stride = apus_column_stride(groups);
    const int together = planes_together(kind, planes);
    float32x4_t acc[COLUMNS_MAX / 2][4];
    paired_group w[TILE_GROUPS];
    super_scales super;
    memset(acc, 0, (np + 1) / 2 * sizeof acc[0]);
    for (size_t i = 0; i < tile_count(groups); i++) {
        const span tile = tile_span(groups, i);
        const size_t count = tile.end - tile.first;
        for (size_t g = 0; g < count; g++) {
            group rows;
            panel = read_signed_group(kind, panel, tile.first + g, &super, &rows);
            pair_rows(kind, &rows, &w[g]);
        }
        for (size_t c = 0; c < np; c += 4) {
            const apus_activations *at[4];
            for (size_t j = 0; j < 4; j++) at[j] = x + (c + j < np ? c + j : np - 1) * stride + tile.first;
            if (np - c > 2) pairs_over_tile(kind, w, count, at, 2, together, acc + c / 2);
            else pairs_over_tile(kind, w, count, at, 1, together, acc + c / 2);
        }
    }
    store_pairs(acc, np, planes, together, out, out_stride);
}

#define KIND(KIND)                                                                                          \
    static __attribute__((noinline)) void pairs_##KIND(                                                     \
        const uint8_t *panel, const apus_activations *x, size_t groups, size_t np, int planes, float *out,  \
        size_t out_stride) {                                                                                \
        if (planes == 2) many_pairs_of_kind(APUS_PANEL_##KIND, panel, x, groups, np, 2, out, out_stride);   \
        else many_pairs_of_kind(APUS_PANEL_##KIND, panel, x, groups, np, 1, out, out_stride);               \
    }
QUANTIZED_KINDS
#undef KIND
#pragma clang attribute pop

typedef void product(const uint8_t *, const apus_activations *, size_t, size_t, int, float *, size_t);

#define KIND(KIND) [APUS_PANEL_##KIND] = {few_##KIND, many_##KIND, pairs_##KIND},
static const struct { product *few, *many, *pairs; } products[] = {QUANTIZED_KINDS};
#undef KIND

INLINE void by_few(
    product *few, const uint8_t *panel, const apus_activations *x, size_t groups, size_t np, int planes,
    float *out, size_t out_stride) {
    few(panel, x, groups, np == 3 ? 2 : np, planes, out, out_stride);
    if (np != 3) return;
    few(panel, x + 2 * apus_column_stride(groups), groups, 1, planes, out + 2 * out_stride, out_stride);
}

INLINE void multiply(
    int paired, apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x,
    int planes, size_t first_column, size_t count, float *out, size_t out_stride) {
    const size_t panel_bytes = apus_panel_bytes(kind, k), groups = k / APUS_GROUP;
    const size_t stride = apus_column_stride(groups), step = COLUMNS_MAX / (size_t)planes;
    product *few = products[kind].few, *many = paired ? products[kind].pairs : products[kind].many;
    for (size_t done = 0; done < count; done += step) {
        const size_t np = (count - done < step ? count - done : step) * (size_t)planes;
        const apus_activations *here = x + (first_column + done) * (size_t)planes * stride;
        float *to = out + done * out_stride;
        for (size_t p = 0; p < panels; p++, to += APUS_PANEL_ROWS) {
            const uint8_t *at = (const uint8_t *)panel + p * panel_bytes;
            if (np <= FEW_MAX) by_few(few, at, here, groups, np, planes, to, out_stride);
            else many(at, here, groups, np, planes, to, out_stride);
        }
    }
}

void apus_neon_dotprod_matmul_quantized(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x, int planes,
    size_t first_column, size_t columns, float *out, size_t out_stride) {
    multiply(0, kind, panel, panels, k, x, planes, first_column, columns, out, out_stride);
}

void apus_neon_i8mm_matmul_quantized(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x, int planes,
    size_t first_column, size_t columns, float *out, size_t out_stride) {
    multiply(1, kind, panel, panels, k, x, planes, first_column, columns, out, out_stride);
}
#endif
