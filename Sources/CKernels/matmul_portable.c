#include "matmul.h"
#include "dequantize.h"
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
    group->sum = group->scale * (float)-group->whole;
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
            for (int p = 0; p < planes; p++, scale *= APUS_PLANE_RATIO) {
                apus_activations *to = out + ((first_column + c) * (size_t)planes + (size_t)p) * stride + g;
                to->scale = scale;
                quantize_group(left, scale, to->codes, left);
                sum_codes(to);
            }
        }
    }
}

static float f16_at(const uint8_t *p, size_t i) {
    uint16_t bits;
    memcpy(&bits, p + i * 2, 2);
    return apus_f16_to_f32(bits);
}

// Code of row `row` at k of a group whose nibbles (and fifth or fifth-and-sixth bits) are given.
static int nibble(const uint8_t *nibbles, size_t row, size_t k) {
    return nibbles[(k % 16 / 4) * 32 + row * 4 + k % 4] >> (k < 16 ? 0 : 4) & 15;
}
static int fifth_bit(const uint8_t *bits, size_t row, size_t k) {
    return (bits[row * 4 + k % 4] >> (k / 4) & 1) << 4;
}
static int bit_pair(const uint8_t *pairs, size_t row, size_t k) {
    return (pairs[(k / 16) * 32 + row * 4 + k % 4] >> (2 * (k / 4 % 4)) & 3) << 4;
}

// Dot products of one row's group with one column's, per half group, when `offset` is taken from each code.
typedef struct { int32_t half[2]; } half_dots;

static half_dots dot_group(
    const uint8_t *nibbles, const uint8_t *bits, const uint8_t *pairs, int offset, size_t row, const int8_t *x) {
    half_dots dots = {{0, 0}};
    for (size_t k = 0; k < APUS_GROUP; k++) {
        int code = nibble(nibbles, row, k);
        if (bits) code |= fifth_bit(bits, row, k);
        if (pairs) code |= bit_pair(pairs, row, k);
        dots.half[k / 16] += (code - offset) * x[k];
    }
    return dots;
}

static float legacy_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, const apus_activations *x) {
    const int has_min = kind == APUS_PANEL_Q4_1 || kind == APUS_PANEL_Q5_1;
    const int has_bits = kind == APUS_PANEL_Q5_0 || kind == APUS_PANEL_Q5_1;
    const int offset = has_bits ? 16 : kind == APUS_PANEL_Q4_0 ? 8 : 0;
    const size_t group_bytes = apus_panel_bytes(kind, APUS_GROUP);
    float acc = 0;
    for (size_t g = 0; g < groups; g++, panel += group_bytes) {
        const float scale = f16_at(panel, row);
        const uint8_t *bits = panel + (has_min ? 32 : 16), *nibbles = bits + (has_bits ? 32 : 0);
        const half_dots dots =
            dot_group(nibbles, has_bits ? bits : NULL, NULL, offset, row, x[g].codes);
        acc = fmaf((float)(dots.half[0] + dots.half[1]), scale * x[g].scale, acc);
        if (!has_min) continue;
        const float min = f16_at(panel + 16, row);
        acc = fmaf(has_bits ? fmaf(16, scale, min) : min, x[g].sum, acc);
    }
    return acc;
}

static float q8_0_row(const uint8_t *panel, size_t groups, size_t row, const apus_activations *x) {
    float acc = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + 256) {
        int32_t dot = 0;
        for (size_t k = 0; k < APUS_GROUP; k++)
            dot += (panel[16 + (k / 4) * 32 + row * 4 + k % 4] - 128) * x[g].codes[k];
        acc = fmaf((float)dot, f16_at(panel, row) * x[g].scale, acc);
    }
    return acc;
}

static float q4_k_q5_k_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, const apus_activations *x) {
    const int has_bits = kind == APUS_PANEL_Q5_K;
    float acc = 0, d = 0, m = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + (has_bits ? 32 : 0) + 128) {
        if (g % 8 == 0) d = f16_at(panel, row), m = f16_at(panel + 16, row), panel += 32;
        const uint8_t *bits = panel + 16, *nibbles = bits + (has_bits ? 32 : 0);
        const half_dots dots =
            dot_group(nibbles, has_bits ? bits : NULL, NULL, has_bits ? 16 : 0, row, x[g].codes);
        const float scale = d * (float)panel[row], min = -(m * (float)panel[8 + row]);
        acc = fmaf((float)(dots.half[0] + dots.half[1]), scale * x[g].scale, acc);
        acc = fmaf(has_bits ? fmaf(16, scale, min) : min, x[g].sum, acc);
    }
    return acc;
}

static float q6_k_row(const uint8_t *panel, size_t groups, size_t row, const apus_activations *x) {
    float acc = 0, d = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + 64 + 128) {
        if (g % 8 == 0) d = f16_at(panel, row), panel += 32;
        const half_dots dots = dot_group(panel + 16 + 64, NULL, panel + 16, 32, row, x[g].codes);
        const int32_t dot = (int8_t)panel[row * 2] * dots.half[0] + (int8_t)panel[row * 2 + 1] * dots.half[1];
        acc = fmaf((float)dot, d * x[g].scale, acc);
    }
    return acc;
}

static float i16_row(const uint8_t *panel, size_t groups, size_t row, const apus_activations *x) {
    float acc = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + 2 * 256) {
        int32_t dot = 0;
        for (size_t k = 0; k < APUS_GROUP; k++) {
            const uint8_t *code = panel + 16 + (k / 4) * 32 + row * 4 + k % 4;
            dot += (code[0] * 256 + code[256] - 32768) * x[g].codes[k];
        }
        acc = fmaf((float)dot, f16_at(panel, row) * x[g].scale, acc);
    }
    return acc;
}

static float quantized_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, const apus_activations *x) {
    switch (kind) {
    case APUS_PANEL_Q4_0:
    case APUS_PANEL_Q4_1:
    case APUS_PANEL_Q5_0:
    case APUS_PANEL_Q5_1: return legacy_row(kind, panel, groups, row, x);
    case APUS_PANEL_Q8_0: return q8_0_row(panel, groups, row, x);
    case APUS_PANEL_Q4_K:
    case APUS_PANEL_Q5_K: return q4_k_q5_k_row(kind, panel, groups, row, x);
    case APUS_PANEL_Q6_K: return q6_k_row(panel, groups, row, x);
    case APUS_PANEL_I16: return i16_row(panel, groups, row, x);
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
        float sum = 0;
        for (int p = 0; p < planes; p++) {
            const apus_activations *plane = x + ((first_column + c) * (size_t)planes + (size_t)p) * stride;
            const float part = quantized_row(kind, at_panel, groups, row % APUS_PANEL_ROWS, plane);
            sum = p == 0 ? part : sum + part;
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
