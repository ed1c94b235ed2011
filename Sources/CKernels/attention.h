// The KV cache and attention over it. Included after vector.h, with its NAME.
//
// A block holds 32 positions of a KV head. Keys have positions in lanes, [head_dim][32], so that 32 scores come
// out side by side; values have dimensions in lanes, [32][head_dim]. In Q8 each run of 32 dimensions of a
// position is 8-bit codes with one f16 scale; the scales, [run][32 positions], follow the codes.

typedef int8_t i8x8 __attribute__((vector_size(8)));

enum { BLOCK = APUS_KV_BLOCK, TILE_QUERIES = 3, GROUP_QUERIES = 48, RUN = 32 };

// How elements of keys and values are read: as the cache has them, or from blocks unpacked to f32. The scales of
// Q8 are applied to scores and weights, not to elements.
typedef enum { HALVES, CODES, FLOATS } elements;

// Values beyond the range of f16 are clamped: an infinity in the cache would poison masked positions.
INLINE f32x8 in_f16_range(f32x8 v) {
    v = select(v > splat(65504.0f), splat(65504.0f), v);
    return select(v < splat(-65504.0f), splat(-65504.0f), v);
}

static void NAME(store_f16)(const float *key, const float *value, size_t dim, size_t at, uint16_t *keys, uint16_t *values) {
    for (size_t d = 0; d < dim; d += 8) {
        uint16_t lanes[8];
        store_f16(lanes, in_f16_range(load(key + d)));
        for (size_t i = 0; i < 8; i++) keys[(d + i) * BLOCK + at] = lanes[i];
        store_f16(values + at * dim + d, in_f16_range(load(value + d)));
    }
}

// Quantises one run of `n` dimensions, `stride` codes apart, and returns its scale.
INLINE uint16_t quantize_run(const float *x, size_t n, size_t stride, int8_t *codes) {
    float most = 0;
    for (size_t i = 0; i < n; i++) most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    most = most < 65504.0f * 127 ? most : 65504.0f * 127;
    const _Float16 scale = (_Float16)(most / 127);
    const float inverse = scale > 0 ? 1 / (float)scale : 0;
    for (size_t i = 0; i < n; i++) {
        const float code = rintf(x[i] * inverse);
        codes[i * stride] = (int8_t)(code > 127 ? 127 : code < -127 ? -127 : code);
    }
    uint16_t bits;
    memcpy(&bits, &scale, sizeof bits);
    return bits;
}

static void NAME(store_q8)(const float *key, const float *value, size_t dim, size_t at, int8_t *keys, int8_t *values) {
    uint16_t *key_scales = (uint16_t *)(keys + dim * BLOCK), *value_scales = (uint16_t *)(values + dim * BLOCK);
    for (size_t run = 0; run * RUN < dim; run++) {
        const size_t d = run * RUN, n = dim - d < RUN ? dim - d : RUN;
        key_scales[run * BLOCK + at] = quantize_run(key + d, n, BLOCK, keys + d * BLOCK + at);
        value_scales[run * BLOCK + at] = quantize_run(value + d, n, 1, values + at * dim + d);
    }
}

static void NAME(store_key_value)(
    apus_kv_kind kind, const float *key, const float *value, size_t head_dim, size_t offset, void *keys, void *values) {
    if (kind == APUS_KV_F16) NAME(store_f16)(key, value, head_dim, offset, keys, values);
    else NAME(store_q8)(key, value, head_dim, offset, keys, values);
}

INLINE f32x8 element(elements kind, const void *p, size_t i) {
    if (kind == FLOATS) return load((const float *)p + i);
    if (kind == HALVES) return load_f16((const uint16_t *)p + i);
    i8x8 v;
    memcpy(&v, (const int8_t *)p + i, sizeof v);
    return __builtin_convertvector(v, f32x8);
}

// Twelve sums of three queries, the queries' broadcasts and one vector of the block fill sixteen registers. Where that
// vector has to be widened first, the compiler would rather widen four at once, and spill sums in the innermost loop.
INLINE f32x8 in_register(elements kind, f32x8 v) {
    if (kind != FLOATS) KEEP(v);
    return v;
}

static void NAME(unpack)(elements kind, const void *from, size_t n, float *to) {
    if (kind == HALVES) for (size_t i = 0; i < n; i += 8) store(to + i, element(HALVES, from, i));
    else for (size_t i = 0; i < n; i += 8) store(to + i, element(CODES, from, i));
}

// One block of one KV head. Scales are NULL where there are none.
typedef struct {
    const void *keys, *values;
    const uint16_t *key_scales, *value_scales;
} NAME(block);

// A query on its way over the positions it sees: an online softmax (arXiv:1805.02867). State: the weighted sum of
// values, [head_dim], then the largest score and the sum of weights.
typedef struct {
    const float *query;
    float *output;
    float *state;
    size_t first, last; // positions that it sees
} NAME(walker);

static const float MASKED = -1e30f;

// Scores of n queries with a block, [query][position]. Each is one chain of additions along the dimensions, or
// along those of a run.
INLINE void NAME(scores)(
    elements kind, int scaled, const NAME(block) *block, const NAME(walker) *w, size_t dim, int n, float (*scores)[BLOCK]) {
    for (size_t first = 0; first < dim; first += scaled ? RUN : dim) {
        const size_t end = scaled && dim - first > RUN ? first + RUN : dim;
        f32x8 acc[TILE_QUERIES][4];
        UNROLL for (int i = 0; i < n * 4; i++) acc[i / 4][i % 4] = splat(0);
        for (size_t d = first; d < end; d++) {
            f32x8 x[TILE_QUERIES];
            UNROLL for (int q = 0; q < n; q++) x[q] = in_register(kind, splat(w[q].query[d]));
            UNROLL for (size_t i = 0; i < 4; i++) {
                const f32x8 k = element(kind, block->keys, d * BLOCK + i * 8);
                UNROLL for (int q = 0; q < n; q++) acc[q][i] = in_register(kind, acc[q][i] + k * x[q]);
            }
        }
        UNROLL for (int i = 0; i < n * 4; i++) {
            float *to = scores[i / 4] + i % 4 * 8;
            f32x8 sum = acc[i / 4][i % 4];
            if (scaled) sum *= load_f16(block->key_scales + first + (size_t)(i % 4) * 8);
            store(to, first ? load(to) + sum : sum);
        }
    }
}

// Turns a query's 32 scores into weights, and returns what its sums so far must be multiplied with.
INLINE float NAME(soften)(const NAME(walker) *w, size_t block_start, size_t dim, float scale, float *scores) {
    float *maximum = w->state + dim, *total = maximum + 1;
    const int whole = w->first <= block_start && w->last >= block_start + BLOCK - 1;
    f32x8 s[4], most = splat(*maximum), sums = splat(0);
    UNROLL for (int i = 0; i < 4; i++) {
        s[i] = load(scores + i * 8) * scale;
        if (!whole) {
            const i32x8 position = (i32x8){0, 1, 2, 3, 4, 5, 6, 7} + (int32_t)block_start + i * 8;
            s[i] = select((position >= (int32_t)w->first) & (position <= (int32_t)w->last), s[i], splat(MASKED));
        }
        most = larger(most, s[i]);
    }
    const float m = largest(most);
    UNROLL for (int i = 0; i < 4; i++) {
        f32x8 weight = exponential(s[i] - m);
        if (!whole) weight = select(s[i] > splat(MASKED / 2), weight, splat(0));
        store(scores + i * 8, weight);
        sums += weight;
    }
    const float correction = exponential(splat(*maximum - m))[0];
    *total = *total * correction + sum(sums);
    *maximum = m;
    return correction;
}

// acc = acc * correction + weights . values for `vectors` * 8 dimensions from d on, the positions first ..< end of
// the block.
INLINE void NAME(add_values)(
    elements kind, const void *values, size_t d, int vectors, size_t first, size_t end, const NAME(walker) *w, size_t dim,
    int n, float (*weights)[BLOCK], const float *correction) {
    f32x8 acc[TILE_QUERIES][4];
    UNROLL for (int q = 0; q < n; q++) {
        UNROLL for (int i = 0; i < vectors; i++) acc[q][i] = load(w[q].state + d + (size_t)i * 8) * correction[q];
    }
    for (size_t t = first; t < end; t++) {
        f32x8 x[TILE_QUERIES];
        UNROLL for (int q = 0; q < n; q++) x[q] = in_register(kind, splat(weights[q][t]));
        UNROLL for (size_t i = 0; i < (size_t)vectors; i++) {
            const f32x8 v = element(kind, values, t * dim + d + i * 8);
            UNROLL for (int q = 0; q < n; q++) acc[q][i] = in_register(kind, acc[q][i] + v * x[q]);
        }
    }
    UNROLL for (int q = 0; q < n; q++) {
        UNROLL for (int i = 0; i < vectors; i++) store(w[q].state + d + (size_t)i * 8, acc[q][i]);
    }
}

// n queries over one block.
INLINE void NAME(tile)(
    elements kind, int scaled, const NAME(block) *block, size_t block_start, const NAME(walker) *w, size_t dim,
    float scale, int n) {
    float weights[TILE_QUERIES][BLOCK], scaled_weights[TILE_QUERIES][BLOCK], correction[TILE_QUERIES];
    NAME(scores)(kind, scaled, block, w, dim, n, weights);
    size_t first = BLOCK, end = 0; // of the positions that any of them sees
    UNROLL for (int q = 0; q < n; q++) {
        const size_t here = w[q].first > block_start ? w[q].first - block_start : 0;
        const size_t past = w[q].last < block_start + BLOCK ? w[q].last + 1 - block_start : BLOCK;
        first = here < first ? here : first, end = past > end ? past : end;
        correction[q] = NAME(soften)(&w[q], block_start, dim, scale, weights[q]);
    }
    for (size_t d = 0; d < dim; d += RUN) {
        float (*used)[BLOCK] = weights;
        if (scaled) {
            used = scaled_weights;
            UNROLL for (int i = 0; i < n * 4; i++)
                store(
                    used[i / 4] + i % 4 * 8,
                    load(weights[i / 4] + i % 4 * 8) * load_f16(block->value_scales + d + (size_t)(i % 4) * 8));
        }
        if (dim - d >= RUN)
            NAME(add_values)(kind, block->values, d, 4, first, end, w, dim, n, used, correction);
        else
            NAME(add_values)(kind, block->values, d, 2, first, end, w, dim, n, used, correction);
    }
}

INLINE void NAME(tiles)(
    elements kind, int scaled, const NAME(block) *block, size_t block_start, const NAME(walker) *w, size_t count,
    size_t dim, float scale) {
    for (; count >= 3; count -= 3, w += 3) NAME(tile)(kind, scaled, block, block_start, w, dim, scale, 3);
    if (count == 2) NAME(tile)(kind, scaled, block, block_start, w, dim, scale, 2);
    if (count == 1) NAME(tile)(kind, scaled, block, block_start, w, dim, scale, 1);
}

INLINE NAME(block) NAME(block_at)(const apus_attention_item *item, size_t index) {
    const uint8_t *base = (const uint8_t *)item->cache + (size_t)item->blocks[index] * item->block_stride;
    NAME(block) block = {base + item->keys_offset, base + item->values_offset, NULL, NULL};
    if (item->kind == APUS_KV_Q8) {
        block.key_scales = (const uint16_t *)((const uint8_t *)block.keys + item->head_dim * BLOCK);
        block.value_scales = (const uint16_t *)((const uint8_t *)block.values + item->head_dim * BLOCK);
    }
    return block;
}

// Walks a group of queries over the blocks first ..< end, from empty states. More queries than a tile share the
// unpacking of a block.
static void NAME(walk)(
    const apus_attention_item *item, const NAME(walker) *w, size_t count, size_t first, size_t end, float *scratch) {
    const size_t dim = item->head_dim;
    for (size_t q = 0; q < count; q++) {
        memset(w[q].state, 0, dim * sizeof(float));
        w[q].state[dim] = MASKED, w[q].state[dim + 1] = 0;
    }
    for (size_t b = first; b < end; b++) {
        NAME(block) block = NAME(block_at)(item, b);
        const size_t start = b * BLOCK;
        // Queries stand by rising position: those that see nothing of this block yet are the first ones.
        size_t from = 0, to = count;
        while (from < to && w[from].last < start) from++;
        while (to > from && w[to - 1].first > start + BLOCK - 1) to--;
        const NAME(walker) *seeing = w + from;
        const int scaled = item->kind == APUS_KV_Q8;
        if (to - from > TILE_QUERIES) {
            const elements kind = scaled ? CODES : HALVES;
            NAME(unpack)(kind, block.keys, dim * BLOCK, scratch);
            NAME(unpack)(kind, block.values, dim * BLOCK, scratch + dim * BLOCK);
            block.keys = scratch, block.values = scratch + dim * BLOCK;
            if (scaled) NAME(tiles)(FLOATS, 1, &block, start, seeing, to - from, dim, item->scale);
            else NAME(tiles)(FLOATS, 0, &block, start, seeing, to - from, dim, item->scale);
        } else if (scaled) {
            NAME(tiles)(CODES, 1, &block, start, seeing, to - from, dim, item->scale);
        } else {
            NAME(tiles)(HALVES, 0, &block, start, seeing, to - from, dim, item->scale);
        }
    }
}

// Adds the state of a later segment to that of the segments before it.
static void NAME(merge)(float *state, const float *later, size_t dim) {
    if (later[dim + 1] == 0) return;
    if (state[dim + 1] == 0) {
        memcpy(state, later, (dim + 2) * sizeof(float));
        return;
    }
    const float m = state[dim] > later[dim] ? state[dim] : later[dim];
    const f32x8 factors = exponential((f32x8){state[dim] - m, later[dim] - m});
    const float a = factors[0], b = factors[1];
    for (size_t d = 0; d < dim; d += 8) store(state + d, load(state + d) * a + load(later + d) * b);
    state[dim + 1] = state[dim + 1] * a + later[dim + 1] * b;
    state[dim] = m;
}

static void NAME(finish)(const float *state, size_t dim, float *output) {
    const float factor = 1.0f / state[dim + 1];
    for (size_t d = 0; d < dim; d += 8) store(output + d, load(state + d) * factor);
}

// Query i of an item: heads of a column side by side, columns by rising position.
INLINE NAME(walker) NAME(walker_of)(const apus_attention_item *item, size_t i, float *state) {
    const size_t column = i / item->heads, head = item->first_head + i % item->heads;
    const size_t position = item->position + column;
    return (NAME(walker)){
        .query = item->queries + column * item->query_stride + head * item->head_dim,
        .output = item->outputs + column * item->output_stride + head * item->head_dim,
        .state = state,
        .first = item->window && position + 1 > item->window ? position + 1 - item->window : 0,
        .last = item->length ? item->length - 1 : position,
    };
}

// Queries that walk together: their states stay in the first-level cache.
INLINE size_t group_size(size_t dim) { return dim <= 64 ? GROUP_QUERIES : dim <= 128 ? 24 : 12; }

static void NAME(attention)(const apus_attention_item *item, float *scratch) {
    const size_t dim = item->head_dim, stride = dim + APUS_STATE_EXTRA, queries = item->columns * item->heads;
    const size_t size = group_size(dim);
    float *states = scratch + 2 * dim * BLOCK, *later = states + size * stride;
    for (size_t at = 0; at < queries; at += size) {
        NAME(walker) w[GROUP_QUERIES];
        const size_t count = queries - at < size ? queries - at : size;
        for (size_t q = 0; q < count; q++) w[q] = NAME(walker_of)(item, at + q, states + q * stride);
        const size_t first = w[0].first / BLOCK, end = w[count - 1].last / BLOCK + 1;
        for (size_t segment = first / APUS_SEGMENT; segment * APUS_SEGMENT < end; segment++) {
            const size_t from = segment * APUS_SEGMENT, to = from + APUS_SEGMENT;
            float *into = from <= first ? states : later;
            for (size_t q = 0; q < count; q++) w[q].state = into + q * stride;
            NAME(walk)(item, w, count, from < first ? first : from, to < end ? to : end, scratch);
            for (size_t q = 0; into == later && q < count; q++)
                NAME(merge)(states + q * stride, later + q * stride, dim);
        }
        for (size_t q = 0; q < count; q++) NAME(finish)(states + q * stride, dim, w[q].output);
    }
}

static void NAME(attention_segment)(const apus_attention_item *item, size_t segment, float *states, float *scratch) {
    const size_t stride = item->head_dim + APUS_STATE_EXTRA, queries = item->columns * item->heads;
    for (size_t at = 0; at < queries; at += GROUP_QUERIES) {
        NAME(walker) w[GROUP_QUERIES];
        const size_t count = queries - at < GROUP_QUERIES ? queries - at : GROUP_QUERIES;
        for (size_t q = 0; q < count; q++) w[q] = NAME(walker_of)(item, at + q, states + (at + q) * stride);
        const size_t first = w[0].first / BLOCK, end = w[count - 1].last / BLOCK + 1;
        const size_t from = segment * APUS_SEGMENT, to = from + APUS_SEGMENT;
        NAME(walk)(item, w, count, from < first ? first : from, to < end ? to : end, scratch);
    }
}

static void NAME(attention_finish)(
    const apus_attention_item *item, size_t segments, float *states, size_t segment_stride) {
    const size_t stride = item->head_dim + APUS_STATE_EXTRA, queries = item->columns * item->heads;
    for (size_t q = 0; q < queries; q++) {
        float *state = states + q * stride;
        for (size_t s = 1; s < segments; s++) NAME(merge)(state, state + s * segment_stride, item->head_dim);
        NAME(finish)(state, item->head_dim, NAME(walker_of)(item, q, state).output);
    }
}
