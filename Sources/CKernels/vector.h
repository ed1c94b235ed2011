// Everything but the matrix product, in clang's vector extensions: 8 lanes, compiled once for any CPU and
// once with AVX2. The including file defines NAME(x), the prefix of this set, and sets the target. Where the compiler
// needs help with registers it defines KEEP(v), which keeps a vector in one.
//
// Lanes are always eight and the order of every sum is fixed, so that a result depends on its own column only.

#include "dequantize.h"
#include "kernels.h"
#include <math.h>
#include <string.h>

typedef float f32x8 __attribute__((vector_size(32)));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef _Float16 f16x8 __attribute__((vector_size(16)));

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#ifndef KEEP
#define KEEP(v) (void)0
#endif

INLINE f32x8 load(const float *p) {
    f32x8 v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void store(float *p, f32x8 v) { memcpy(p, &v, sizeof v); }
INLINE f32x8 splat(float x) { return (f32x8){x, x, x, x, x, x, x, x}; }
INLINE f32x8 load_f16(const uint16_t *p) {
    f16x8 v;
    memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, f32x8);
}
INLINE void store_f16(uint16_t *p, f32x8 v) {
    const f16x8 half = __builtin_convertvector(v, f16x8);
    memcpy(p, &half, sizeof half);
}
INLINE f32x8 select(i32x8 mask, f32x8 yes, f32x8 no) {
    return (f32x8)(((i32x8)yes & mask) | ((i32x8)no & ~mask));
}
INLINE f32x8 larger(f32x8 a, f32x8 b) { return select(a > b, a, b); }
INLINE float sum(f32x8 v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }
INLINE float largest(f32x8 v) {
    v = larger(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3));
    v = larger(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5));
    v = larger(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6));
    return v[0];
}

// e^x within 2 ulp for -87 <= x <= 88, clamped outside: range reduction by ln 2 in two parts (Cody & Waite),
// then a polynomial of degree 6 on [-ln2/2, ln2/2].
INLINE f32x8 exponential(f32x8 x) {
    const f32x8 high = splat(88.0f), low = splat(-87.0f), shift = splat(12582912.0f); // 1.5 * 2^23
    x = select(x > high, high, x);
    x = select(x < low, low, x);
    const f32x8 shifted = x * 1.44269504088896341f + shift;
    const f32x8 n = shifted - shift;
    const f32x8 r = x - n * 0.693359375f + n * 2.12194440e-4f;
    f32x8 p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return (f32x8)((i32x8)p + ((i32x8)shifted << 23));
}

static void NAME(rms_norm)(const float *x, const float *weight, float epsilon, size_t n, float *y) {
    f32x8 squares = splat(0);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) squares += load(x + i) * load(x + i);
    float total = sum(squares);
    for (; i < n; i++) total += x[i] * x[i];
    const float factor = 1.0f / sqrtf(total / (float)n + epsilon);
    for (i = 0; i + 8 <= n; i += 8) store(y + i, load(x + i) * factor * load(weight + i));
    for (; i < n; i++) y[i] = x[i] * factor * weight[i];
}

static void NAME(layer_norm)(
    const float *x, const float *weight, const float *bias, float epsilon, size_t n, float *y) {
    f32x8 lanes = splat(0);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) lanes += load(x + i);
    float total = sum(lanes);
    for (; i < n; i++) total += x[i];
    const float mean = total / (float)n;
    // Of the differences, because the difference of two large sums has no digits left.
    lanes = splat(0);
    for (i = 0; i + 8 <= n; i += 8) lanes += (load(x + i) - mean) * (load(x + i) - mean);
    total = sum(lanes);
    for (; i < n; i++) total += (x[i] - mean) * (x[i] - mean);
    const float factor = 1.0f / sqrtf(total / (float)n + epsilon);
    for (i = 0; i + 8 <= n; i += 8)
        store(y + i, (load(x + i) - mean) * factor * load(weight + i) + load(bias + i));
    for (; i < n; i++) y[i] = (x[i] - mean) * factor * weight[i] + bias[i];
}

static void NAME(add)(float *x, const float *y, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] += y[i];
}

static void NAME(scale)(float *x, float factor, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

// Runs `body` on 8 lanes a and b of gate and up; the tail goes through the same lanes.
#define MAP_PAIRS(gate, up, n, body)                                   \
    size_t i = 0;                                                      \
    for (; i + 8 <= (n); i += 8) {                                     \
        const f32x8 a = load((gate) + i), b = load((up) + i);          \
        store((gate) + i, body);                                       \
    }                                                                  \
    if (i < (n)) {                                                     \
        float g[8] = {0}, u[8] = {0};                                  \
        memcpy(g, (gate) + i, ((n) - i) * 4);                          \
        memcpy(u, (up) + i, ((n) - i) * 4);                            \
        const f32x8 a = load(g), b = load(u);                          \
        store(g, body);                                                \
        memcpy((gate) + i, g, ((n) - i) * 4);                          \
    }

static void NAME(silu_multiply)(float *gate, const float *up, size_t n) {
    MAP_PAIRS(gate, up, n, a / (1.0f + exponential(-a)) * b)
}

// gelu(a) = a * sigmoid(2 * sqrt(2/pi) * (a + 0.044715 a^3)), which is the tanh form
static void NAME(gelu_multiply)(float *gate, const float *up, size_t n) {
    MAP_PAIRS(gate, up, n, a / (1.0f + exponential((a + 0.044715f * a * a * a) * -1.5957691216057308f)) * b)
}

// gelu(x) = x / 2 * (1 + erf(x / sqrt 2)). erf within 1.5e-7: Abramowitz & Stegun, 7.1.26.
INLINE f32x8 gelu_of(f32x8 x) {
    const f32x8 size = larger(x, -x) * 0.70710678118654752f;
    const f32x8 t = 1.0f / (1.0f + 0.3275911f * size);
    f32x8 p = splat(1.061405429f);
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    const f32x8 rest = p * t * exponential(size * -size); // 1 - erf(|x| / sqrt 2)
    return x * 0.5f * select(x < splat(0), rest, 2.0f - rest);
}

static void NAME(gelu_exact)(float *x, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) store(x + i, gelu_of(load(x + i)));
    if (i < n) {
        float lanes[8] = {0};
        memcpy(lanes, x + i, (n - i) * 4);
        store(lanes, gelu_of(load(lanes)));
        memcpy(x + i, lanes, (n - i) * 4);
    }
}

static void NAME(rope_halves)(float *x, const float *cosines, const float *sines, size_t n) {
    float *y = x + n / 2;
    for (size_t i = 0; i < n / 2; i++) {
        const float a = x[i], b = y[i];
        x[i] = a * cosines[i] - b * sines[i];
        y[i] = a * sines[i] + b * cosines[i];
    }
}

static void NAME(rope_pairs)(float *x, const float *cosines, const float *sines, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        const float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = a * cosines[i] - b * sines[i];
        x[2 * i + 1] = a * sines[i] + b * cosines[i];
    }
}
