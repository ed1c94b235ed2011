#ifndef APUS_KERNELS_H
#define APUS_KERNELS_H
#include <stddef.h>
#include <stdint.h>
#include "panels.h"

// The kernels of one instruction set, behind one table. The scalar matrix product is the specification of
// its fast variants, which give the same bits; a column's result never depends on the columns beside it.

/// 32 activations as 8-bit codes, a ~ scale * code, with the sums that formats with an offset or a min need: 64 bytes.
typedef struct {
    float scale;
    float sum; // scale * sum of the codes; the second of two planes: of both, scale * (254 * first + second)
    // Minus the sums of the codes at even and at odd pairs of k (0, 1, 4, 5, ... and 2, 3, 6, 7, ...): what sums
    // of products in 16 bits begin with, times a format's offset. Of the group, and of each of its halves.
    int16_t pairs[2];
    int16_t half_pairs[2][2];
    // Minus the sums of all codes and of each half's, for kernels that add in 32 bits.
    int32_t whole;
    int32_t halves[2];
    int8_t codes[APUS_GROUP]; // -127...127
} apus_activations;

// A column of activations is one plane of such groups (a ~ d*q) or, in high precision, two: the second holds what
// the first left over, so that a ~ d0*q0 + d1*q1 with d1 = d0/254, about 15 bits. Plane p of column c is
// physical column c*planes + p; groups stand as [physical column][k/32], apus_column_stride apart.

/// Groups from one physical column to the next: an odd number of cache lines, so that columns which are read side by
/// side never share the few lines of one set of the first-level cache.
static inline size_t apus_column_stride(size_t groups) { return groups | 1; }

/// How keys and values are stored: half floats, or 8-bit codes with an f16 scale for each 32 dimensions of a
/// position (see attention.h).
typedef enum { APUS_KV_F16 = 0, APUS_KV_Q8 } apus_kv_kind;

/// Some columns of one sequence for one KV head; see attention below.
typedef struct {
    const float *queries;   // [column][query_stride], the head's part at head*head_dim
    float *outputs;         // [column][output_stride]
    size_t query_stride;
    size_t output_stride;
    apus_kv_kind kind;
    const void *cache;      // block b of this layer starts at b*block_stride
    size_t block_stride;    // in bytes
    size_t keys_offset;     // in bytes, of this KV head's keys inside the layer's part: [head_dim][32 positions]
    size_t values_offset;   // and of its values: [32 positions][head_dim]
    const int32_t *blocks;  // the sequence's block table
    size_t position;        // of the first column
    size_t columns;
    size_t first_head;      // the query heads first_head ..< first_head + heads share this KV head
    size_t heads;
    size_t head_dim;        // a multiple of 16, at most 512
    size_t window;          // positions that a query sees, itself included; 0 is all
    size_t length;          // not 0: every query sees the positions 0 ..< length, those behind it too
    float scale;
} apus_attention_item;

typedef struct {
    const char *name;

    /// Quantises `columns` rows of `k` floats into the columns first_column... of `out`.
    void (*quantize)(
        const float *x, size_t x_stride, size_t columns, size_t k, int planes, size_t first_column,
        apus_activations *out);

    /// out[c*out_stride + 8*p + row] = row of panel p . column first_column + c, for `panels` panels that
    /// follow each other; quantised kinds only.
    void (*matmul_quantized)(
        apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x, int planes,
        size_t first_column, size_t columns, float *out, size_t out_stride);

    /// The same for F32, F16 and BF16 panels against float columns.
    void (*matmul_float)(
        apus_panel_kind kind, const void *panel, size_t panels, size_t k, const float *x, size_t x_stride,
        size_t columns, float *out, size_t out_stride);

    /// y = x / sqrt(mean(x^2) + epsilon) * weight; y may be x. RMSNorm, arXiv:1910.07467.
    void (*rms_norm)(const float *x, const float *weight, float epsilon, size_t n, float *y);
    /// y = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias; y may be x. LayerNorm, arXiv:1607.06450.
    void (*layer_norm)(const float *x, const float *weight, const float *bias, float epsilon, size_t n, float *y);
    /// x += y
    void (*add)(float *x, const float *y, size_t n);
    /// x *= factor
    void (*scale)(float *x, float factor, size_t n);
    /// gate = silu(gate) * up
    void (*silu_multiply)(float *gate, const float *up, size_t n);
    /// gate = gelu(gate) * up, the tanh form
    void (*gelu_multiply)(float *gate, const float *up, size_t n);
    /// x = gelu(x), by the error function. arXiv:1606.08415.
    void (*gelu_exact)(float *x, size_t n);
    /// Rotates pairs (i, i + n/2); cosines and sines are [n/2]. RoPE, arXiv:2104.09864, NeoX order.
    void (*rope_halves)(float *x, const float *cosines, const float *sines, size_t n);
    /// Rotates pairs (2i, 2i + 1), the paper's order.
    void (*rope_pairs)(float *x, const float *cosines, const float *sines, size_t n);
    /// Writes one head's key and value of one position into its block; offset is the position in the block.
    void (*store_key_value)(
        apus_kv_kind kind, const float *key, const float *value, size_t head_dim, size_t offset, void *keys,
        void *values);
    /// Softmax attention of an item's columns over positions 0 ... their own. `scratch` holds
    /// APUS_ATTENTION_SCRATCH floats.
    ///
    /// Positions are walked in segments of APUS_SEGMENT blocks, whose states are merged in order; so the two
    /// functions below give the same bits, with the segments spread over threads.
    void (*attention)(const apus_attention_item *item, float *scratch);
    /// The states of an item's queries, [column][head][head_dim + APUS_STATE_EXTRA], after one segment.
    void (*attention_segment)(const apus_attention_item *item, size_t segment, float *states, float *scratch);
    /// Merges the states of the segments 0 ..< segments, `segment_stride` floats apart, and writes the outputs.
    void (*attention_finish)(const apus_attention_item *item, size_t segments, float *states, size_t segment_stride);

    /// The largest of n logits: -infinity when all are masked, NaN when one is NaN or +infinity.
    float (*logits_maximum)(const float *x, size_t n);
    /// weights[i] = e^((x[i] - maximum) * scale), exactly 0 below e^-87, for a maximum that no logit exceeds;
    /// all 0 when it is -infinity. Returns their sum, in one order; `weights` may be NULL.
    float (*logits_weigh)(const float *x, size_t n, float maximum, float scale, float *weights);
    /// Writes first + i for each x[i] >= least, rising, and says how many; there is room for n of them.
    size_t (*logits_select)(const float *x, size_t n, float least, uint32_t first, uint32_t *tokens);
} apus_kernels;

enum {
    APUS_KV_BLOCK = 32,
    APUS_SEGMENT = 16,      // blocks: 512 positions
    APUS_STATE_EXTRA = 16,  // floats after a state's values
    APUS_HEAD_DIM_MAX = 512,
    // An unpacked block, and the states of 12 queries twice (48 of up to 64 dimensions, 24 of up to 128).
    APUS_ATTENTION_SCRATCH =
        2 * APUS_HEAD_DIM_MAX * APUS_KV_BLOCK + 2 * 12 * (APUS_HEAD_DIM_MAX + APUS_STATE_EXTRA),
};

/// Runs on any CPU.
const apus_kernels *apus_kernels_portable(void);
/// The fastest that this CPU runs.
const apus_kernels *apus_kernels_best(void);
/// All that this CPU runs, the fastest first and the portable ones last; NULL past the end.
const apus_kernels *apus_kernels_at(size_t index);
/// "portable", "avx2", "avx512", "neon-dotprod", "neon-i8mm": that one, or NULL where this CPU does not run it.
const apus_kernels *apus_kernels_named(const char *name);

#endif
