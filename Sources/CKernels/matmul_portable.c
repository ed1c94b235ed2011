#include "matmul.h"
#include "dequantize.h"
#include "panel_kinds.h"
#include <math.h>
#include <string.h>

// The scalar matrix product: the specification of the fast ones. One row and one column at a time.

static void quantize_group(const float *x, float scale, int8_t *codes, float *left) {
    const float inverse = scale > APUS_SCALE_MIN ? 1.0f / scale : 0.0f;
    for (size_t i = 0; i < APUS_GROUP; i++) {
        float q = rintf(x[i] * inverse);
        q = q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q;
        codes[i] = (int8_t)q;
        left[i] = fmaf(-scale, q, x[i]);
    }
}

static void sum_codes(apus_activations *group) {
    memset(group->half_pairs, 0, sizeof group->half_pairs);
    for (size_t i = 0; i < APUS_GROUP; i++) group->half_pairs[i / 16][i / 2 % 2] -= group->codes[i];
    for (size_t i = 0; i < 2; i++) {
        group->pairs[i] = (int16_t)(group->half_pairs[0][i] + group->half_pairs[1][i]);
        group->halves[i] = group->half_pairs[i][0] + group->half_pairs[i][1];
    }
    group->whole = group->halves[0] + group->halves[1];
}

void apus_portable_quantize(
    const float *x, size_t x_stride, size_t columns, size_t k, int planes, size_t first_column,
    apus_activations *out) {
    const size_t groups = k / APUS_GROUP, stride = apus_column_stride(groups);
    for (size_t c = 0; c < columns; c++) {
        for (size_t g = 0; g < groups; g++) {
            float left[APUS_GROUP];
            memcpy(left, x + c * x_stride + g * APUS_GROUP, sizeof left);
            float largest = 0;
            for (size_t i = 0; i < APUS_GROUP; i++) largest = fabsf(left[i]) > largest ? fabsf(left[i]) : largest;
            float scale = largest / 127.0f;
            int32_t sum = 0;
            for (int p = 0; p < planes; p++, scale *= APUS_PLANE_RATIO) {
                apus_activations *to = out + ((first_column + c) * (size_t)planes + (size_t)p) * stride + g;
                to->scale = scale;
                quantize_group(left, scale, to->codes, left);
                sum_codes(to);
                sum = APUS_PLANE_STEPS * sum - to->whole;
                to->sum = scale * (float)sum;
            }
        }
    }
}

static float f16_at(const uint8_t *p, size_t i) {
    uint16_t bits;
    memcpy(&bits, p + i * 2, 2);
    return apus_f16_to_f32(bits);
}

// The parts of a code of row `row` at k of a group; panels.h says where they stand.
static int nibble(const uint8_t *nibbles, size_t row, size_t k) {
    return nibbles[(k % 16 / 4) * 32 + row * 4 + k % 4] >> (k < 16 ? 0 : 4) & 15;
}
static int bit(const uint8_t *bits, size_t row, size_t k) { return bits[row * 4 + k % 4] >> (k / 4) & 1; }
static int bit_pair(const uint8_t *pairs, size_t row, size_t k) {
    return pairs[(k / 16) * 32 + row * 4 + k % 4] >> (2 * (k / 4 % 4)) & 3;
}
static int triple(const uint8_t *triples, size_t row, size_t k) {
    const uint8_t *at = triples + row * 4 + k % 4;
    const size_t vector = k / 4;
    if (vector < 6) return at[vector / 2 * 32] >> (3 * (vector % 2)) & 7;
    return at[vector == 6 ? 0 : 64] >> 6 | (at[32] >> vector & 1) << 2;
}
static int byte(const uint8_t *bytes, size_t row, size_t k) { return bytes[(k / 4) * 32 + row * 4 + k % 4]; }

// What a weight is a multiple of its scale by, for formats with a min less an offset that is added to the min.
// `codes` is where the scales of the group end.
static int signed_code(apus_panel_kind kind, const uint8_t *codes, size_t row, size_t k) {
    switch (kind) {
    case APUS_PANEL_Q4_0: return nibble(codes, row, k) - 8;
    case APUS_PANEL_Q4_1:
    case APUS_PANEL_Q4_K: return nibble(codes, row, k);
    case APUS_PANEL_Q5_0:
    case APUS_PANEL_Q5_1:
    case APUS_PANEL_Q5_K: return (nibble(codes + 32, row, k) | bit(codes, row, k) << 4) - 16;
    case APUS_PANEL_Q8_0: return byte(codes, row, k) - 128;
    case APUS_PANEL_Q6_K: return (nibble(codes + 64, row, k) | bit_pair(codes, row, k) << 4) - 32;
    case APUS_PANEL_Q2_K: return bit_pair(codes, row, k);
    case APUS_PANEL_Q3_K: return triple(codes, row, k) - 4;
    case APUS_PANEL_IQ4_NL:
    case APUS_PANEL_IQ4_XS: return apus_iq4_levels[nibble(codes, row, k)];
    case APUS_PANEL_MXFP4: return apus_e2m1_doubled[nibble(codes, row, k)];
    case APUS_PANEL_I16: return byte(codes, row, k) * 256 + byte(codes + 256, row, k) - 32768;
    case APUS_PANEL_F32:
    case APUS_PANEL_F16:
    case APUS_PANEL_BF16:
    case APUS_PANEL_NONE: break;
    }
    return 0;
}

// Dot products of one row's group with one column's, per half group.
typedef struct { int32_t half[2]; } half_dots;

static half_dots dot_halves(apus_panel_kind kind, const uint8_t *codes, size_t row, const int8_t *x) {
    half_dots dots = {{0, 0}};
    for (size_t k = 0; k < APUS_GROUP; k++) dots.half[k / 16] += signed_code(kind, codes, row, k) * x[k];
    return dots;
}

// What a row is multiplied with: planes that are joined, each a plane of groups.
typedef struct {
    const apus_activations *plane[2];
    int count;
} column;

static const apus_activations *last_plane(const column *x, size_t g) { return x->plane[x->count - 1] + g; }

static float dot_group(apus_panel_kind kind, const uint8_t *codes, size_t row, const column *x, size_t g) {
    int32_t dot = 0;
    for (int p = 0; p < x->count; p++) {
        const half_dots dots = dot_halves(kind, codes, row, x->plane[p][g].codes);
        dot = APUS_PLANE_STEPS * dot + dots.half[0] + dots.half[1];
    }
    return (float)dot;
}

static float blocks_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, const column *x) {
    const int has_min = kind == APUS_PANEL_Q4_1 || kind == APUS_PANEL_Q5_1;
    const size_t head = kind == APUS_PANEL_MXFP4 ? 8 : has_min ? 32 : 16;
    const size_t group_bytes = apus_panel_bytes(kind, APUS_GROUP);
    float acc = 0;
    for (size_t g = 0; g < groups; g++, panel += group_bytes) {
        const float scale = kind == APUS_PANEL_MXFP4 ? apus_e8m0_halved(panel[row]) : f16_at(panel, row);
        acc = fmaf(dot_group(kind, panel + head, row, x, g), scale * last_plane(x, g)->scale, acc);
        if (!has_min) continue;
        const float min = f16_at(panel + 16, row);
        acc = fmaf(kind == APUS_PANEL_Q5_1 ? fmaf(16, scale, min) : min, last_plane(x, g)->sum, acc);
    }
    return acc;
}

static float q4_k_q5_k_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, const column *x) {
    const int has_bits = kind == APUS_PANEL_Q5_K;
    float acc = 0, d = 0, m = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + (has_bits ? 32 : 0) + 128) {
        if (g % 8 == 0) d = f16_at(panel, row), m = f16_at(panel + 16, row), panel += 32;
        const float scale = d * (float)panel[row], min = -(m * (float)panel[8 + row]);
        acc = fmaf(dot_group(kind, panel + 16, row, x, g), scale * last_plane(x, g)->scale, acc);
        acc = fmaf(has_bits ? fmaf(16, scale, min) : min, last_plane(x, g)->sum, acc);
    }
    return acc;
}

static float q3_k_q6_k_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, const apus_activations *x) {
    const size_t super_bytes = kind == APUS_PANEL_Q3_K ? 16 : 32, codes_bytes = kind == APUS_PANEL_Q3_K ? 96 : 64 + 128;
    float acc = 0, d = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + codes_bytes) {
        if (g % 8 == 0) d = f16_at(panel, row), panel += super_bytes;
        const half_dots dots = dot_halves(kind, panel + 16, row, x[g].codes);
        const int32_t dot = (int8_t)panel[row * 2] * dots.half[0] + (int8_t)panel[row * 2 + 1] * dots.half[1];
        acc = fmaf((float)dot, d * x[g].scale, acc);
    }
    return acc;
}

static float q2_k_row(const uint8_t *panel, size_t groups, size_t row, const apus_activations *x) {
    float acc = 0, d = 0, m = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + 64) {
        if (g % 8 == 0) d = f16_at(panel, row), m = f16_at(panel + 16, row), panel += 32;
        const half_dots dots = dot_halves(APUS_PANEL_Q2_K, panel + 16, row, x[g].codes);
        int32_t dot = 0, min_dot = 0;
        for (size_t h = 0; h < 2; h++) {
            dot += (panel[row * 2 + h] & 15) * dots.half[h];
            min_dot += (panel[row * 2 + h] >> 4) * x[g].halves[h];
        }
        acc = fmaf(fmaf(m, (float)min_dot, d * (float)dot), x[g].scale, acc);
    }
    return acc;
}

static float iq4_xs_row(const uint8_t *panel, size_t groups, size_t row, const column *x) {
    float acc = 0, d = 0;
    for (size_t g = 0; g < groups; g++, panel += 8 + 128) {
        if (g % 8 == 0) d = f16_at(panel, row), panel += 16;
        const float scale = d * (float)(int8_t)panel[row];
        acc = fmaf(dot_group(APUS_PANEL_IQ4_XS, panel + 8, row, x, g), scale * last_plane(x, g)->scale, acc);
    }
    return acc;
}

static float quantized_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, const column *x) {
    switch (kind) {
    case APUS_PANEL_Q4_0:
    case APUS_PANEL_Q4_1:
    case APUS_PANEL_Q5_0:
    case APUS_PANEL_Q5_1:
    case APUS_PANEL_Q8_0:
    case APUS_PANEL_IQ4_NL:
    case APUS_PANEL_MXFP4:
    case APUS_PANEL_I16: return blocks_row(kind, panel, groups, row, x);
    case APUS_PANEL_Q4_K:
    case APUS_PANEL_Q5_K: return q4_k_q5_k_row(kind, panel, groups, row, x);
    case APUS_PANEL_Q3_K:
    case APUS_PANEL_Q6_K: return q3_k_q6_k_row(kind, panel, groups, row, x->plane[0]);
    case APUS_PANEL_Q2_K: return q2_k_row(panel, groups, row, x->plane[0]);
    case APUS_PANEL_IQ4_XS: return iq4_xs_row(panel, groups, row, x);
    case APUS_PANEL_F32:
    case APUS_PANEL_F16:
    case APUS_PANEL_BF16:
    case APUS_PANEL_NONE: break;
    }
    return 0;
}

void apus_portable_matmul_quantized(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x, int planes,
    size_t first_column, size_t columns, float *out, size_t out_stride) {
    const size_t groups = k / APUS_GROUP, stride = apus_column_stride(groups);
    const size_t panel_bytes = apus_panel_bytes(kind, k);
    for (size_t i = 0; i < columns * panels * APUS_PANEL_ROWS; i++) {
        const size_t c = i / (panels * APUS_PANEL_ROWS), row = i % (panels * APUS_PANEL_ROWS);
        const uint8_t *at_panel = (const uint8_t *)panel + row / APUS_PANEL_ROWS * panel_bytes;
        const apus_activations *first = x + (first_column + c) * (size_t)planes * stride, *second = first + stride;
        const int joined = joins_planes(kind) ? planes : 1;
        const column whole = {{first, second}, joined};
        float sum = quantized_row(kind, at_panel, groups, row % APUS_PANEL_ROWS, &whole);
        if (joined < planes) {
            const column rest = {{second}, 1};
            sum += quantized_row(kind, at_panel, groups, row % APUS_PANEL_ROWS, &rest);
        }
        out[c * out_stride + row] = sum;
    }
}

static float value_at(apus_panel_kind kind, const uint8_t *panel, size_t i) {
    uint16_t bits;
    float value;
    switch (kind) {
    case APUS_PANEL_F32: memcpy(&value, panel + i * 4, 4); return value;
    case APUS_PANEL_BF16: memcpy(&bits, panel + i * 2, 2); return apus_bf16_to_f32(bits);
    default: return f16_at(panel, i);
    }
}

static float float_row(apus_panel_kind kind, const uint8_t *panel, size_t k, size_t row, const float *x) {
    float sums[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < k; i++) {
        float *sum = &sums[i / 64 % 4];
        *sum = fmaf(value_at(kind, panel, i * APUS_PANEL_ROWS + row), x[i], *sum);
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void apus_portable_matmul_float(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const float *x, size_t x_stride,
    size_t columns, float *out, size_t out_stride) {
    const size_t panel_bytes = apus_panel_bytes(kind, k);
    for (size_t i = 0; i < columns * panels * APUS_PANEL_ROWS; i++) {
        const size_t c = i / (panels * APUS_PANEL_ROWS), row = i % (panels * APUS_PANEL_ROWS);
        const uint8_t *weights = (const uint8_t *)panel + row / APUS_PANEL_ROWS * panel_bytes;
        out[c * out_stride + row] = float_row(kind, weights, k, row % APUS_PANEL_ROWS, x + c * x_stride);
    }
}
