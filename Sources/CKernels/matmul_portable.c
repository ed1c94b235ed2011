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

void apus_portable_quantize(
    const float *x, size_t x_stride, size_t columns, size_t k, int planes, size_t first_column,
    const apus_activations *out) {
    const size_t groups = k / APUS_GROUP;
    for (size_t c = 0; c < columns; c++) {
        for (size_t g = 0; g < groups; g++) {
            float left[APUS_GROUP];
            memcpy(left, x + c * x_stride + g * APUS_GROUP, sizeof left);
            float largest = 0;
            for (size_t i = 0; i < APUS_GROUP; i++) largest = fabsf(left[i]) > largest ? fabsf(left[i]) : largest;
            float scale = largest / 127.0f;
            for (int p = 0; p < planes; p++, scale *= APUS_PLANE_RATIO) {
                const size_t at = ((first_column + c) * (size_t)planes + (size_t)p) * groups + g;
                int8_t *codes = out->codes + at * APUS_GROUP;
                quantize_group(left, scale, codes, left);
                int half[2] = {0, 0};
                for (size_t i = 0; i < APUS_GROUP; i++) half[i / 16] += codes[i];
                out->scales[at] = scale;
                out->sums[at] = scale * (float)(half[0] + half[1]);
                out->halves[at * 2] = (int16_t)half[0];
                out->halves[at * 2 + 1] = (int16_t)half[1];
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

// Dot products of one row's group with one column's, per half group.
typedef struct { int32_t half[2]; } half_dots;

static half_dots dot_group(
    const uint8_t *nibbles, const uint8_t *bits, const uint8_t *pairs, size_t row, const int8_t *x) {
    half_dots dots = {{0, 0}};
    for (size_t k = 0; k < APUS_GROUP; k++) {
        int code = nibble(nibbles, row, k);
        if (bits) code |= fifth_bit(bits, row, k);
        if (pairs) code |= bit_pair(pairs, row, k);
        dots.half[k / 16] += code * x[k];
    }
    return dots;
}

typedef struct {
    const int8_t *codes;
    const float *scales, *sums;
    const int16_t *halves;
} column;

static float legacy_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, column x) {
    const int has_min = kind == APUS_PANEL_Q4_1 || kind == APUS_PANEL_Q5_1;
    const int has_bits = kind == APUS_PANEL_Q5_0 || kind == APUS_PANEL_Q5_1;
    const float offset = kind == APUS_PANEL_Q4_0 ? -8.0f : -16.0f;
    const size_t group_bytes = apus_panel_bytes(kind, APUS_GROUP);
    float acc = 0;
    for (size_t g = 0; g < groups; g++, panel += group_bytes) {
        const float scale = f16_at(panel, row), min = has_min ? f16_at(panel + 16, row) : scale * offset;
        const uint8_t *bits = panel + (has_min ? 32 : 16), *nibbles = bits + (has_bits ? 32 : 0);
        const half_dots dots = dot_group(nibbles, has_bits ? bits : NULL, NULL, row, x.codes + g * APUS_GROUP);
        acc = fmaf((float)(dots.half[0] + dots.half[1]), scale * x.scales[g], acc);
        acc = fmaf(min, x.sums[g], acc);
    }
    return acc;
}

static float q8_0_row(const uint8_t *panel, size_t groups, size_t row, column x) {
    float acc = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + 256) {
        const float scale = f16_at(panel, row);
        int32_t dot = 0;
        for (size_t k = 0; k < APUS_GROUP; k++)
            dot += panel[16 + (k / 4) * 32 + row * 4 + k % 4] * x.codes[g * APUS_GROUP + k];
        acc = fmaf((float)dot, scale * x.scales[g], acc);
        acc = fmaf(scale * -128.0f, x.sums[g], acc);
    }
    return acc;
}

static float q4_k_q5_k_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, column x) {
    const size_t bits_bytes = kind == APUS_PANEL_Q5_K ? 32 : 0;
    float acc = 0, d = 0, m = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + bits_bytes + 128) {
        if (g % 8 == 0) d = f16_at(panel, row), m = f16_at(panel + 16, row), panel += 32;
        const uint8_t *bits = panel + 16, *nibbles = bits + bits_bytes;
        const half_dots dots = dot_group(nibbles, bits_bytes ? bits : NULL, NULL, row, x.codes + g * APUS_GROUP);
        acc = fmaf((float)(dots.half[0] + dots.half[1]), d * (float)panel[row] * x.scales[g], acc);
        acc = fmaf(-(m * (float)panel[8 + row]), x.sums[g], acc);
    }
    return acc;
}

static float q6_k_row(const uint8_t *panel, size_t groups, size_t row, column x) {
    float acc = 0, d = 0;
    for (size_t g = 0; g < groups; g++, panel += 16 + 64 + 128) {
        if (g % 8 == 0) d = f16_at(panel, row), panel += 32;
        const half_dots dots = dot_group(panel + 16 + 64, NULL, panel + 16, row, x.codes + g * APUS_GROUP);
        int32_t dot = 0;
        for (size_t h = 0; h < 2; h++)
            dot += (int8_t)panel[row * 2 + h] * (dots.half[h] - 32 * x.halves[g * 2 + h]);
        acc = fmaf((float)dot, d * x.scales[g], acc);
    }
    return acc;
}

static float quantized_row(apus_panel_kind kind, const uint8_t *panel, size_t groups, size_t row, column x) {
    switch (kind) {
    case APUS_PANEL_Q4_0:
    case APUS_PANEL_Q4_1:
    case APUS_PANEL_Q5_0:
    case APUS_PANEL_Q5_1: return legacy_row(kind, panel, groups, row, x);
    case APUS_PANEL_Q8_0: return q8_0_row(panel, groups, row, x);
    case APUS_PANEL_Q4_K:
    case APUS_PANEL_Q5_K: return q4_k_q5_k_row(kind, panel, groups, row, x);
    case APUS_PANEL_Q6_K: return q6_k_row(panel, groups, row, x);
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
    const size_t groups = k / APUS_GROUP, panel_bytes = apus_panel_bytes(kind, k);
    for (size_t i = 0; i < columns * panels * APUS_PANEL_ROWS; i++) {
        const size_t c = i / (panels * APUS_PANEL_ROWS), row = i % (panels * APUS_PANEL_ROWS);
        const uint8_t *at_panel = (const uint8_t *)panel + row / APUS_PANEL_ROWS * panel_bytes;
        float sum = 0;
        for (int p = 0; p < planes; p++) {
            const size_t at = ((first_column + c) * (size_t)planes + (size_t)p) * groups;
            const column plane = {x->codes + at * APUS_GROUP, x->scales + at, x->sums + at, x->halves + at * 2};
            const float part = quantized_row(kind, at_panel, groups, row % APUS_PANEL_ROWS, plane);
            sum = p == 0 ? part : sum + part;
        }
        out[c * out_stride + row] = sum;
    }
}

static float float_at(apus_panel_kind kind, const uint8_t *panel, size_t i) {
    uint16_t bits;
    float value;
    switch (kind) {
    case APUS_PANEL_F32: memcpy(&value, panel + i * 4, 4); return value;
    case APUS_PANEL_BF16: memcpy(&bits, panel + i * 2, 2); return apus_bf16_to_f32(bits);
    default: return f16_at(panel, i);
    }
}

void apus_portable_matmul_float(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const float *x, size_t x_stride,
    size_t columns, float *out, size_t out_stride) {
    const size_t panel_bytes = apus_panel_bytes(kind, k);
    for (size_t i = 0; i < columns * panels * APUS_PANEL_ROWS; i++) {
        const size_t c = i / (panels * APUS_PANEL_ROWS), row = i % (panels * APUS_PANEL_ROWS);
        const uint8_t *weights = (const uint8_t *)panel + row / APUS_PANEL_ROWS * panel_bytes;
        float acc = 0;
        for (size_t j = 0; j < k; j++)
            acc = fmaf(float_at(kind, weights, j * APUS_PANEL_ROWS + row % APUS_PANEL_ROWS), x[c * x_stride + j], acc);
        out[c * out_stride + row] = acc;
    }
}
