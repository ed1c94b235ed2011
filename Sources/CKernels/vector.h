// Everything but the matrix product, in clang's vector extensions: 8 lanes, compiled once for any CPU and
// once with AVX2. The including file defines NAME(x), the prefix of this set, and sets the target.
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
    float m = v[0];
    UNROLL for (int i = 1; i < 8; i++) m = v[i] > m ? v[i] : m;
    return m;
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

// Values beyond the range of f16 are clamped: an infinity in the cache would poison masked positions.
INLINE f32x8 in_f16_range(f32x8 v) {
    v = select(v > splat(65504.0f), splat(65504.0f), v);
    return select(v < splat(-65504.0f), splat(-65504.0f), v);
}

static void NAME(store_key_value)(
    const float *key, const float *value, size_t head_dim, size_t offset, uint16_t *keys, uint16_t *values) {
    for (size_t d = 0; d < head_dim; d += 8) {
        uint16_t lanes[8];
        store_f16(lanes, in_f16_range(load(key + d)));
        for (size_t i = 0; i < 8; i++) keys[(d + i) * APUS_KV_BLOCK + offset] = lanes[i];
        store_f16(values + offset * head_dim + d, in_f16_range(load(value + d)));
    }
}

// Attention works on up to four queries of one KV head at a time, and on the 32 positions of one block:
// scores with positions in lanes, an online softmax (arXiv:1805.02867), then values with dimensions in
// lanes. A query alone walks through the same operations, so its bits do not depend on its companions.
typedef struct {
    const float *query[4];
    size_t first[4], last[4]; // positions that the query sees
    float *output[4];
} NAME(tile);

static const float MASKED = -1e30f;

INLINE void NAME(scores)(const NAME(tile) *t, const uint16_t *keys, size_t head_dim, int n, float (*scores)[32]) {
    for (size_t half = 0; half < 32; half += 16) {
        f32x8 acc[4][2];
        UNROLL for (int q = 0; q < n; q++) acc[q][0] = acc[q][1] = splat(0);
        for (size_t d = 0; d < head_dim; d++) {
            const f32x8 k0 = load_f16(keys + d * 32 + half), k1 = load_f16(keys + d * 32 + half + 8);
            UNROLL for (int q = 0; q < n; q++) {
                const f32x8 x = splat(t->query[q][d]);
                acc[q][0] += k0 * x;
                acc[q][1] += k1 * x;
            }
        }
        UNROLL for (int q = 0; q < n; q++) {
            store(scores[q] + half, acc[q][0]);
            store(scores[q] + half + 8, acc[q][1]);
        }
    }
}

// Turns one query's 32 scores into weights, keeping the running maximum and sum; returns what the sums so
// far must be multiplied by.
INLINE float NAME(soften)(
    float *scores, size_t block_start, size_t first, size_t last, float scale, float *maximum, float *total) {
    f32x8 s[4], most = splat(*maximum);
    UNROLL for (int i = 0; i < 4; i++) {
        const int32_t base = (int32_t)block_start + i * 8;
        const i32x8 position = (i32x8){0, 1, 2, 3, 4, 5, 6, 7} + base;
        const i32x8 seen = (position >= (int32_t)first) & (position <= (int32_t)last);
        s[i] = select(seen, load(scores + i * 8) * scale, splat(MASKED));
        most = larger(most, s[i]);
    }
    const float m = largest(most);
    f32x8 weights = splat(0);
    UNROLL for (int i = 0; i < 4; i++) {
        const i32x8 seen = s[i] > splat(MASKED / 2);
        const f32x8 w = select(seen, exponential(s[i] - m), splat(0));
        store(scores + i * 8, w);
        weights += w;
    }
    const float correction = exponential(splat(*maximum - m))[0];
    *total = *total * correction + sum(weights);
    *maximum = m;
    return correction;
}

INLINE void NAME(add_values)(
    const uint16_t *values, size_t head_dim, int n, float (*weights)[32], const float *correction,
    float (*acc)[APUS_HEAD_DIM_MAX]) {
    for (size_t d = 0; d < head_dim; d += 16) {
        f32x8 a[4][2];
        UNROLL for (int q = 0; q < n; q++) {
            a[q][0] = load(acc[q] + d) * correction[q];
            a[q][1] = load(acc[q] + d + 8) * correction[q];
        }
        for (size_t t = 0; t < 32; t++) {
            const f32x8 v0 = load_f16(values + t * head_dim + d), v1 = load_f16(values + t * head_dim + d + 8);
            UNROLL for (int q = 0; q < n; q++) {
                const f32x8 w = splat(weights[q][t]);
                a[q][0] += v0 * w;
                a[q][1] += v1 * w;
            }
        }
        UNROLL for (int q = 0; q < n; q++) {
            store(acc[q] + d, a[q][0]);
            store(acc[q] + d + 8, a[q][1]);
        }
    }
}

INLINE void NAME(attend)(const apus_attention_item *item, const NAME(tile) *t, int n, float *scratch) {
    float (*acc)[APUS_HEAD_DIM_MAX] = (float (*)[APUS_HEAD_DIM_MAX])scratch;
    float (*scores)[32] = (float (*)[32])(scratch + 4 * APUS_HEAD_DIM_MAX);
    float maximum[4], total[4], correction[4];
    size_t first = t->first[0], last = t->last[0];
    for (int q = 0; q < n; q++) {
        maximum[q] = MASKED, total[q] = 0;
        memset(acc[q], 0, item->head_dim * sizeof(float));
        first = t->first[q] < first ? t->first[q] : first;
        last = t->last[q] > last ? t->last[q] : last;
    }
    for (size_t b = first / APUS_KV_BLOCK; b <= last / APUS_KV_BLOCK; b++) {
        const uint16_t *block = item->cache + (size_t)item->blocks[b] * item->block_stride;
        NAME(scores)(t, block + item->keys_offset, item->head_dim, n, scores);
        for (int q = 0; q < n; q++)
            correction[q] = NAME(soften)(
                scores[q], b * APUS_KV_BLOCK, t->first[q], t->last[q], item->scale, &maximum[q], &total[q]);
        NAME(add_values)(block + item->values_offset, item->head_dim, n, scores, correction, acc);
    }
    for (int q = 0; q < n; q++) {
        const float factor = 1.0f / total[q];
        for (size_t d = 0; d < item->head_dim; d++) t->output[q][d] = acc[q][d] * factor;
    }
}

static void NAME(attention)(const apus_attention_item *item, float *scratch) {
    NAME(tile) t;
    int filled = 0;
    const size_t queries = item->columns * item->heads;
    for (size_t i = 0; i < queries; i++) {
        const size_t column = i / item->heads, head = item->first_head + i % item->heads;
        const size_t position = item->position + column;
        t.query[filled] = item->queries + column * item->query_stride + head * item->head_dim;
        t.output[filled] = item->outputs + column * item->output_stride + head * item->head_dim;
        t.first[filled] = item->window && position + 1 > item->window ? position + 1 - item->window : 0;
        t.last[filled] = position;
        filled++;
        if (filled < 4 && i + 1 < queries) continue;
        switch (filled) {
        case 4: NAME(attend)(item, &t, 4, scratch); break;
        case 3: NAME(attend)(item, &t, 3, scratch); break;
        case 2: NAME(attend)(item, &t, 2, scratch); break;
        default: NAME(attend)(item, &t, 1, scratch); break;
        }
        filled = 0;
    }
}
