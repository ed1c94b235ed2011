#include "check.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

// Keys and values are stored and attended to as the engine does it: a block table out of order, several
// heads, and the segments of long contexts both in one go and apart.

typedef struct {
    size_t dim, position, columns, window, heads;
    int sees_all; // every query sees every position
} shape;

// Shapes that meet every tile of queries, partial blocks, runs of 16 dimensions, windows, several segments, and
// encoders' attention.
static const shape shapes[] = {
    {16, 0, 1, 0, 3, 0},   {64, 31, 1, 0, 3, 0},   {64, 0, 33, 0, 3, 0},   {80, 100, 5, 0, 2, 0},  {256, 70, 3, 0, 4, 0},
    {512, 40, 2, 0, 1, 0}, {64, 100, 40, 8, 1, 0}, {128, 20, 3, 32, 3, 0}, {64, 1100, 2, 0, 5, 0}, {64, 1020, 6, 500, 3, 0},
    {32, 0, 70, 0, 1, 1}, {64, 5, 2, 0, 1, 1},
};

static size_t head_bytes(apus_kv_kind kind, size_t dim) {
    const size_t elements = dim * APUS_KV_BLOCK;
    return kind == APUS_KV_F16 ? elements * 2 : elements + (dim + 31) / 32 * APUS_KV_BLOCK * 2;
}

typedef struct {
    const shape *shape;
    apus_kv_kind kind;
    size_t blocks, positions;
    int32_t *table;                 // [block]
    float *keys, *values, *queries; // [position][dim], [position][dim], [column][head][dim]
} problem;

static problem make_problem(const shape *s, apus_kv_kind kind, float size) {
    problem p = {.shape = s, .kind = kind, .positions = s->position + s->columns};
    p.blocks = (p.positions + APUS_KV_BLOCK - 1) / APUS_KV_BLOCK;
    p.table = take(p.blocks * sizeof(int32_t));
    for (size_t i = 0; i < p.blocks; i++) p.table[i] = (int32_t)(p.blocks - 1 - i);
    p.keys = take_floats(p.positions * s->dim), p.values = take_floats(p.positions * s->dim);
    p.queries = take_floats(s->columns * s->heads * s->dim);
    fill_random(p.keys, p.positions * s->dim, -1, 1);
    fill_random(p.values, p.positions * s->dim, -size, size);
    fill_random(p.queries, s->columns * s->heads * s->dim, -2, 2);
    return p;
}

/// The cache with every position's keys and values: [block]{keys, values}.
static uint8_t *take_cache(const problem *p, const apus_kernels *kernels) {
    const size_t bytes = head_bytes(p->kind, p->shape->dim);
    uint8_t *cache = take(p->blocks * 2 * bytes);
    for (size_t i = 0; i < p->positions; i++) {
        uint8_t *block = cache + (size_t)p->table[i / APUS_KV_BLOCK] * 2 * bytes;
        kernels->store_key_value(
            p->kind, p->keys + i * p->shape->dim, p->values + i * p->shape->dim, p->shape->dim,
            i % APUS_KV_BLOCK, block, block + bytes);
    }
    return cache;
}

static apus_attention_item item_of(const problem *p, const uint8_t *cache, float *outputs) {
    const shape *s = p->shape;
    const size_t bytes = head_bytes(p->kind, s->dim), width = s->heads * s->dim;
    return (apus_attention_item){
        .queries = p->queries,
        .outputs = outputs,
        .query_stride = width,
        .output_stride = width,
        .kind = p->kind,
        .cache = cache,
        .block_stride = 2 * bytes,
        .keys_offset = 0,
        .values_offset = bytes,
        .blocks = p->table,
        .position = s->position,
        .columns = s->columns,
        .first_head = 0,
        .heads = s->heads,
        .head_dim = s->dim,
        .window = s->window,
        .length = s->sees_all ? p->positions : 0,
        .scale = 1 / sqrtf((float)s->dim),
    };
}

/// The outputs with the segments apart, the last one first.
static void attend_in_segments(const apus_kernels *kernels, const apus_attention_item *item, float *scratch) {
    const size_t size = item->columns * item->heads * (item->head_dim + APUS_STATE_EXTRA);
    const size_t span = APUS_SEGMENT * APUS_KV_BLOCK;
    const size_t count = (item->position + item->columns + span - 1) / span;
    float *states = take_floats(count * size);
    for (size_t segment = count; segment-- > 0;)
        kernels->attention_segment(item, segment, states + segment * size, scratch);
    kernels->attention_finish(item, count, states, size);
}

static void attention_case(const shape *s, apus_kv_kind kind, float size) {
    const problem p = make_problem(s, kind, size);
    const size_t out_bytes = s->columns * s->heads * s->dim * sizeof(float);
    const size_t cache_bytes = p.blocks * 2 * head_bytes(kind, s->dim);
    float *scratch = take_floats(APUS_ATTENTION_SCRATCH);
    float *reference = take(out_bytes), *found = take(out_bytes);
    describe(
        "%s, dim %zu, position %zu, %zu columns, window %zu, %zu heads, values to %g",
        kind == APUS_KV_F16 ? "f16" : "q8", s->dim, s->position, s->columns, s->window, s->heads,
        (double)size);
    const uint8_t *cache = take_cache(&p, apus_kernels_portable());
    apus_attention_item item = item_of(&p, cache, reference);
    apus_kernels_portable()->attention(&item, scratch);
    add_to_digest(cache, cache_bytes);
    add_to_digest(reference, out_bytes);
    for (size_t set = 0; set < set_count; set++) {
        expect_same(set, "store_key_value", cache, take_cache(&p, sets[set]), cache_bytes);
        item.outputs = found;
        fill_untouched(found, out_bytes);
        sets[set]->attention(&item, scratch);
        expect_same(set, "attention", reference, found, out_bytes);
        fill_untouched(found, out_bytes);
        attend_in_segments(sets[set], &item, scratch);
        expect_same(set, "attention in segments", reference, found, out_bytes);
        passed(set);
    }
    release_all();
}

void check_attention(void) {
    // Values that a half float holds, none, and some beyond it.
    static const float sizes[] = {1, 0, 1e6f};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int kind = APUS_KV_F16; kind <= APUS_KV_Q8; kind++)
            for (size_t s = 0; s < 3; s++) attention_case(&shapes[i], (apus_kv_kind)kind, sizes[s]);
}
