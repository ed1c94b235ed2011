#ifndef APUS_MATMUL_H
#define APUS_MATMUL_H
#include "kernels.h"

// The matrix products of each instruction set; dispatch.c chooses. Every variant keeps the order below, so that
// all give the same bits.
//
// Quantised: a panel's result for one physical column is, group by group along k,
// acc = fma(float(dot), scale * column scale, acc), then for formats with a min acc = fma(min, column sum, acc);
// dot is the integer product with the levels, or with the codes less their offset (4, 8, 16, 32, 128, 32768), and where the
// halves of a group have scales (Q2_K, Q3_K, Q6_K) the sum of both halves' products times these. Five-bit codes with
// a min lose an offset of 16 too, min = fma(16, scale, min). Q2_K has mins for the halves: there
// acc = fma(fma(m, float(min dot), d * float(dot)), column scale, acc), where min dot is minus the sum of both halves'
// mins times their sums of the column's codes.
//
// Two planes: dot = 254 * first dot + second dot, and the second's scale and sum, where `joins_planes`; for other kinds
// the sums of both planes are added at the end.
//
// Float: sums[k / 64 % 4] = fma(weight, x, that sum) along k, then (s0 + s1) + (s2 + s3).

typedef void quantize_function(
    const float *x, size_t x_stride, size_t columns, size_t k, int planes, size_t first_column,
    apus_activations *out);
quantize_function apus_portable_quantize, apus_avx2_quantize, apus_neon_quantize;

typedef void matmul_quantized_function(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x, int planes,
    size_t first_column, size_t columns, float *out, size_t out_stride);
matmul_quantized_function apus_portable_matmul_quantized, apus_avx2_matmul_quantized, apus_avx512_matmul_quantized,
    apus_neon_dotprod_matmul_quantized, apus_neon_i8mm_matmul_quantized;

typedef void matmul_float_function(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const float *x, size_t x_stride, size_t columns,
    float *out, size_t out_stride);
matmul_float_function apus_portable_matmul_float, apus_avx2_matmul_float, apus_neon_matmul_float;

/// A step of one plane in those of the next: what rounding to 8 bits leaves is at most half a step.
#define APUS_PLANE_STEPS 254
#define APUS_PLANE_RATIO (1.0f / APUS_PLANE_STEPS)
/// A group whose scale is below this is all zeros: its reciprocal would leave the range of f32.
#define APUS_SCALE_MIN 1e-30f

#endif
