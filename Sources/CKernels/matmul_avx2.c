#include "dequantize.h"
#include "matmul.h"
#include "panel_kinds.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "avx2.h"
#include "groups_avx2.h"

// maddubs multiplies unsigned codes of weights with signed codes of activations and adds neighbours: pairs of
// products in 16 bits. Eight of those pairs, a whole group, are added in 16 bits before one madd widens them.
//
// That fits for 4-bit codes as they are (15 * 127 * 16 products). Wider codes have an offset, and 16-bit sums
// wrap: they begin with minus the offset times the sum of the activations, so that what they end with is the
// product with the signed code, and that fits: 16 * 127 * 16 for 5-bit codes over a group, 32 * 127 * 8 for
// 6-bit codes over half a group. Codes of 8 bits are multiplied in two parts of about 4.

// What 16-bit sums begin with: 2^bits times a column's sums, or nothing.
INLINE __m256i beginning(const int16_t *pairs, int bits) {
    return bits ? _mm256_slli_epi16(broadcast_32(pairs), bits) : _mm256_setzero_si256();
}

// What the 16-bit sums of a column begin with: in s, and in t where a kind needs two. The parts of 8-bit codes are
// above the signed ones by 128 = 16 * 8 or, of the levels of IQ4, 15 * 8 + 8.
INLINE void begin(apus_panel_kind kind, const apus_activations *x, __m256i *s, __m256i *t) {
    const int bits = is_wide(kind) ? 3 : offset_bits(kind);
    *s = kind == APUS_PANEL_Q8_0 ? _mm256_setzero_si256()
                                 : beginning(has_half_scales(kind) ? x->half_pairs[0] : x->pairs, bits);
    *t = has_half_scales(kind) ? beginning(x->half_pairs[1], bits)
         : is_wide(kind)       ? beginning(x->pairs, bits)
                               : _mm256_setzero_si256();
}

// `times` the sum of all, in 32 bits.
INLINE __m256i dot_of_sums(__m256i sums, int times) {
    return _mm256_madd_epi16(sums, _mm256_set1_epi16((short)times));
}
INLINE __m256i dot_of_parts(apus_panel_kind kind, __m256i low, __m256i high, int times) {
    return _mm256_add_epi32(dot_of_sums(low, times), dot_of_sums(high, high_factor(kind) * times));
}

// `together`: physical columns, side by side, that give one sum. What the dot product of that at c is multiplied with.
INLINE int steps(int together, int c) { return (c + 1) % together ? APUS_PLANE_STEPS : 1; }
INLINE int planes_together(apus_panel_kind kind, int planes) { return joins_planes(kind) ? planes : 1; }

// Minus the sums of a column's codes in both halves, side by side in 16 bits.
INLINE __m256i half_sums(const apus_activations *x) {
    int64_t halves;
    memcpy(&halves, x->halves, sizeof halves);
    return _mm256_packs_epi32(_mm256_set1_epi64x(halves), _mm256_set1_epi64x(halves));
}

INLINE __m256 accumulate(
    apus_panel_kind kind, const apus_activations *x, __m256i dot, __m256 scale, __m256 min, __m256i half_mins,
    __m256 acc) {
    const __m256 column_scale = _mm256_broadcast_ss(&x->scale);
    if (has_half_mins(kind)) {
        const __m256 min_dot = _mm256_cvtepi32_ps(_mm256_madd_epi16(half_sums(x), half_mins));
        const __m256 both = _mm256_fmadd_ps(min, min_dot, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(dot)));
        return _mm256_fmadd_ps(both, column_scale, acc);
    }
    acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), _mm256_mul_ps(scale, column_scale), acc);
    return has_min(kind) ? _mm256_fmadd_ps(min, _mm256_broadcast_ss(&x->sum), acc) : acc;
}

// ---- Few columns: straight from the panel.

INLINE void add_product(__m256i *sum, __m256i codes, __m256i x) {
    *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(codes, x));
}

// Dot products of a group with np physical columns, so many `together`.
INLINE void dots_of_columns(
    apus_panel_kind kind, const group *w, const apus_activations *const *x, int np, int together, __m256i *dots) {
    __m256i s[4], t[4];
    UNROLL for (int c = 0; c < np; c++) begin(kind, x[c], &s[c], &t[c]);
    UNROLL for (int j = 0; j < (is_wide(kind) ? 8 : 4); j++) {
        __m256i low, high;
        if (is_wide(kind)) parts(kind, w->codes[j], &low, &high);
        UNROLL for (int c = 0; c < np; c++) {
            const __m256i b = broadcast_32(x[c]->codes + j * 4);
            if (is_wide(kind)) {
                add_product(&s[c], low, b);
                add_product(&t[c], high, b);
            } else {
                add_product(&s[c], w->codes[j], b);
                const __m256i b4 = broadcast_32(x[c]->codes + j * 4 + 16);
                add_product(has_half_scales(kind) ? &t[c] : &s[c], w->codes[j + 4], b4);
            }
            if (np > 1) KEEP(s[c]);
            if (np > 1) KEEP(t[c]);
        }
    }
    UNROLL for (int c = 0; c < np; c++) {
        if (is_wide(kind))
            dots[c] = dot_of_parts(kind, s[c], t[c], steps(together, c));
        else if (has_half_scales(kind))
            dots[c] = _mm256_add_epi32(
                _mm256_madd_epi16(s[c], w->half_scales[0]), _mm256_madd_epi16(t[c], w->half_scales[1]));
        else
            dots[c] = dot_of_sums(s[c], steps(together, c));
        if (c % together) dots[c] = _mm256_add_epi32(dots[c - 1], dots[c]);
    }
}

INLINE void few_of_kind(
    apus_panel_kind kind, const uint8_t *panel, const apus_activations *x, size_t groups, int np, int planes, float *out,
    size_t out_stride) {
    const int together = planes_together(kind, planes);
    __m256 acc[4];
    super_scales super;
    const apus_activations *at[4];
    UNROLL for (int c = 0; c < np; c++) acc[c] = _mm256_setzero_ps(), at[c] = x + (size_t)c * apus_column_stride(groups);
    for (size_t g = 0; g < groups; g++) {
        group w;
        __m256i dots[4];
        panel = read_group(kind, panel, g, &super, &w);
        UNROLL for (int c = 0; c < np; c++) KEEP_POINTER(at[c]);
        dots_of_columns(kind, &w, at, np, together, dots);
        UNROLL for (int c = together - 1; c < np; c += together)
            acc[c] = accumulate(kind, at[c], dots[c], w.scale, w.min, w.half_mins, acc[c]);
        UNROLL for (int c = 0; c < np; c++) at[c]++;
    }
    UNROLL for (int c = planes - 1; c < np; c += planes) {
        if (together < planes) acc[c] = _mm256_add_ps(acc[c - 1], acc[c]);
        _mm256_storeu_ps(out + (size_t)(c / planes) * out_stride, acc[c]);
    }
}

// ---- Many columns: panels are unpacked, two at a time, into tiles that stay in the first-level cache, and all
// columns pass over a tile. A broadcast of an activation then serves 16 rows. The levels of IQ4 go panel by panel,
// their two parts taking the place of the two panels; codes of 8 and 16 bits go their own way (matmul_wide_avx2.c).

enum { TILE_GROUPS = 24, COLUMNS_MAX = 128 };

typedef struct {
    __m256i codes[TILE_GROUPS][8][2];       // [group][vector][panel]
    __m256i half_scales[TILE_GROUPS][2][2]; // [group][half][panel]
    __m256i half_mins[TILE_GROUPS][2];
    __m256 scales[TILE_GROUPS][2], mins[TILE_GROUPS][2];
} tile;

typedef struct {
    const uint8_t *at[2];
    super_scales super[2];
} panel_pair;

INLINE int streams(apus_panel_kind kind) { return is_wide(kind) ? 1 : 2; }

INLINE void fill_tile(apus_panel_kind kind, panel_pair *panels, size_t first, size_t count, tile *to) {
    for (size_t i = 0; i < count; i++) {
        UNROLL for (int p = 0; p < streams(kind); p++) {
            group w;
            panels->at[p] = read_group(kind, panels->at[p], first + i, &panels->super[p], &w);
            UNROLL for (int j = 0; j < 8; j++) {
                if (is_wide(kind)) parts(kind, w.codes[j], &to->codes[i][j][0], &to->codes[i][j][1]);
                else to->codes[i][j][p] = w.codes[j];
            }
            to->scales[i][p] = w.scale;
            if (has_min(kind) || has_half_mins(kind)) to->mins[i][p] = w.min;
            if (has_half_mins(kind)) to->half_mins[i][p] = w.half_mins;
            if (has_half_scales(kind))
                to->half_scales[i][0][p] = w.half_scales[0], to->half_scales[i][1][p] = w.half_scales[1];
        }
    }
}

// Adds what a tile gives for np physical columns, `stride` groups apart, to their sums, [column][panel].
INLINE void columns_over_tile(
    apus_panel_kind kind, const tile *w, size_t count, const apus_activations *x, size_t stride, int np, int together,
    __m256 (*acc)[2]) {
    const apus_activations *at[6];
    UNROLL for (int c = 0; c < np; c++) at[c] = x + (size_t)c * stride;
    for (size_t i = 0; i < count; i++) {
        UNROLL for (int c = 0; c < np; c++) KEEP_POINTER(at[c]);
        __m256i s[6], t[6], half[6][2];
        UNROLL for (int c = 0; c < np; c++) {
            begin(kind, at[c], &s[c], &t[c]);
            if (!is_wide(kind)) t[c] = s[c];
        }
        UNROLL for (int j = 0; j < 8; j++) {
            if (has_half_scales(kind) && j == 4) {
                UNROLL for (int c = 0; c < np; c++) {
                    half[c][0] = _mm256_madd_epi16(s[c], w->half_scales[i][0][0]);
                    half[c][1] = _mm256_madd_epi16(t[c], w->half_scales[i][0][1]);
                    begin(kind, at[c], &t[c], &s[c]);
                    t[c] = s[c];
                }
            }
            const __m256i w0 = w->codes[i][j][0], w1 = w->codes[i][j][1];
            UNROLL for (int c = 0; c < np; c++) {
                const __m256i b = broadcast_32(at[c]->codes + j * 4);
                s[c] = _mm256_add_epi16(s[c], _mm256_maddubs_epi16(w0, b));
                t[c] = _mm256_add_epi16(t[c], _mm256_maddubs_epi16(w1, b));
                KEEP(s[c]);
                KEEP(t[c]);
            }
        }
        UNROLL for (int c = 0; c < np; c++) {
            const int times = steps(together, c);
            if (is_wide(kind)) {
                s[c] = dot_of_parts(kind, s[c], t[c], times);
            } else if (has_half_scales(kind)) {
                s[c] = _mm256_add_epi32(half[c][0], _mm256_madd_epi16(s[c], w->half_scales[i][1][0]));
                t[c] = _mm256_add_epi32(half[c][1], _mm256_madd_epi16(t[c], w->half_scales[i][1][1]));
            } else {
                s[c] = dot_of_sums(s[c], times), t[c] = dot_of_sums(t[c], times);
            }
            if (c % together) s[c] = _mm256_add_epi32(s[c - 1], s[c]), t[c] = _mm256_add_epi32(t[c - 1], t[c]);
            if ((c + 1) % together) continue;
            UNROLL for (int p = 0; p < streams(kind); p++)
                acc[c][p] = accumulate(
                    kind, at[c], p ? t[c] : s[c], w->scales[i][p], w->mins[i][p], w->half_mins[i][p], acc[c][p]);
        }
        UNROLL for (int c = 0; c < np; c++) at[c]++;
    }
}

// Blocks of so many columns: their sums fill the registers at six.
INLINE size_t block_size(size_t left) { return left >= 6 && left != 8 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1; }

INLINE void many_of_kind(
    apus_panel_kind kind, const uint8_t *panel, size_t panel_bytes, int panels, const apus_activations *x, size_t groups,
    size_t np, int planes, float *out, size_t out_stride) {
    if (kind == APUS_PANEL_Q8_0) {
        apus_avx2_matmul_wide_q8_0(panel, panel_bytes, panels, x, groups, np, planes, out, out_stride);
        return;
    }
    const size_t stride = apus_column_stride(groups);
    const int together = planes_together(kind, planes);
    __m256 acc[COLUMNS_MAX][2];
    tile w;
    panel_pair pair = {.at = {panel, panels == 2 ? panel + panel_bytes : panel}};
    memset(acc, 0, np * sizeof acc[0]);
    const size_t tiles = (groups + TILE_GROUPS - 1) / TILE_GROUPS;
    for (size_t i = 0; i < tiles; i++) {
        const size_t first = groups * i / tiles, count = groups * (i + 1) / tiles - first;
        fill_tile(kind, &pair, first, count, &w);
        for (size_t c = 0; c < np;) {
            const apus_activations *at = x + c * stride + first;
            const size_t size = block_size(np - c);
            switch (size) {
            case 6: columns_over_tile(kind, &w, count, at, stride, 6, together, acc + c); break;
            case 4: columns_over_tile(kind, &w, count, at, stride, 4, together, acc + c); break;
            case 2: columns_over_tile(kind, &w, count, at, stride, 2, together, acc + c); break;
            default:
                if (planes == 1) columns_over_tile(kind, &w, count, at, stride, 1, 1, acc + c);
                break;
            }
            c += size;
        }
    }
    for (size_t c = (size_t)planes - 1; c < np; c += (size_t)planes, out += out_stride) {
        for (int p = 0; p < panels; p++) {
            const __m256 sum = together < planes ? _mm256_add_ps(acc[c - 1][p], acc[c][p]) : acc[c][p];
            _mm256_storeu_ps(out + p * APUS_PANEL_ROWS, sum);
        }
    }
}

#define FEW(KIND, N, PLANES) \
    case N: few_of_kind(APUS_PANEL_##KIND, panel, x, groups, N, PLANES, out, out_stride); break;
#define MANY(KIND, PLANES) \
    many_of_kind(APUS_PANEL_##KIND, panel, panel_bytes, panels, x, groups, np, PLANES, out, out_stride)
#define KIND(KIND)                                                                                                 \
    static __attribute__((noinline)) void few_##KIND(                                                              \
        const uint8_t *panel, const apus_activations *x, size_t groups, size_t np, int planes, float *out,         \
        size_t out_stride) {                                                                                       \
        if (planes == 2) {                                                                                         \
            switch (np) { FEW(KIND, 2, 2) FEW(KIND, 4, 2) }                                                        \
        } else {                                                                                                   \
            switch (np) { FEW(KIND, 1, 1) FEW(KIND, 2, 1) FEW(KIND, 4, 1) }                                        \
        }                                                                                                          \
    }                                                                                                              \
    static __attribute__((noinline)) void many_##KIND(                                                             \
        const uint8_t *panel, size_t panel_bytes, int panels, const apus_activations *x, size_t groups, size_t np, \
        int planes, float *out, size_t out_stride) {                                                               \
        if (planes == 2) MANY(KIND, 2);                                                                            \
        else MANY(KIND, 1);                                                                                        \
    }
NARROW_KINDS

typedef void few_function(const uint8_t *, const apus_activations *, size_t, size_t, int, float *, size_t);

static const struct {
    few_function *few;
    many_function *many;
    size_t panels;     // that `many` takes at a time
    size_t few_max[2]; // physical columns up to which `few` is faster: of one plane, of two
} products[] = {
    [APUS_PANEL_Q4_0] = {few_Q4_0, many_Q4_0, 2, {4, 4}},       [APUS_PANEL_Q4_1] = {few_Q4_1, many_Q4_1, 2, {4, 4}},
    [APUS_PANEL_Q5_0] = {few_Q5_0, many_Q5_0, 2, {4, 4}},       [APUS_PANEL_Q5_1] = {few_Q5_1, many_Q5_1, 2, {4, 4}},
    [APUS_PANEL_Q8_0] = {few_Q8_0, many_Q8_0, 8, {8, 4}},       [APUS_PANEL_Q4_K] = {few_Q4_K, many_Q4_K, 2, {4, 4}},
    [APUS_PANEL_Q5_K] = {few_Q5_K, many_Q5_K, 2, {4, 4}},       [APUS_PANEL_Q6_K] = {few_Q6_K, many_Q6_K, 2, {4, 4}},
    [APUS_PANEL_Q2_K] = {few_Q2_K, many_Q2_K, 2, {4, 4}},       [APUS_PANEL_Q3_K] = {few_Q3_K, many_Q3_K, 2, {4, 4}},
    [APUS_PANEL_IQ4_NL] = {few_IQ4_NL, many_IQ4_NL, 1, {8, 8}},
    [APUS_PANEL_IQ4_XS] = {few_IQ4_XS, many_IQ4_XS, 1, {8, 8}},
    [APUS_PANEL_MXFP4] = {few_MXFP4, many_MXFP4, 2, {4, 4}},
    [APUS_PANEL_I16] = {apus_avx2_matmul_i16, apus_avx2_matmul_wide_i16, 8, {4, 4}},
};

static void panel_by_few(
    few_function *few, const uint8_t *panel, const apus_activations *x, size_t groups, size_t np, int planes,
    float *out, size_t out_stride) {
    while (np) {
        const size_t size = np >= 4 ? 4 : np >= 2 ? 2 : 1;
        few(panel, x, groups, size, planes, out, out_stride);
        np -= size, x += size * apus_column_stride(groups), out += size / (size_t)planes * out_stride;
    }
}

void apus_avx2_matmul_quantized(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x, int planes,
    size_t first_column, size_t count, float *out, size_t out_stride) {
    const size_t panel_bytes = apus_panel_bytes(kind, k), groups = k / APUS_GROUP;
    const size_t stride = apus_column_stride(groups);
    const size_t step = COLUMNS_MAX / (size_t)planes;
    for (size_t done = 0; done < count; done += step) {
        const size_t np = (count - done < step ? count - done : step) * (size_t)planes;
        const apus_activations *here = x + (first_column + done) * (size_t)planes * stride;
        float *to = out + done * out_stride;
        const uint8_t *at = panel;
        const int is_few = np <= products[kind].few_max[planes - 1];
        const size_t together = is_few ? 1 : products[kind].panels;
        for (size_t p = 0; p < panels;) {
            const size_t taken = panels - p < together ? panels - p : together;
            if (is_few)
                panel_by_few(products[kind].few, at, here, groups, np, planes, to, out_stride);
            else
                products[kind].many(at, panel_bytes, (int)taken, here, groups, np, planes, to, out_stride);
            p += taken, at += taken * panel_bytes, to += taken * APUS_PANEL_ROWS;
        }
    }
}

#pragma clang attribute pop
#endif
