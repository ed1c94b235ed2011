// What a sampler asks of logits, a segment of a row at a time. Included after vector.h, with its NAME.

/// The lanes x[0 ..< n], n < 8, and `rest` in the others.
INLINE f32x8 load_part(const float *x, size_t n, float rest) {
    float lanes[8];
    for (size_t i = 0; i < 8; i++) lanes[i] = i < n ? x[i] : rest;
    return load(lanes);
}

static float NAME(logits_maximum)(const float *x, size_t n) {
    f32x8 most = splat(-INFINITY);
    i32x8 sound = splat(0) == splat(0);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const f32x8 v = load(x + i);
        sound &= v < splat(INFINITY);
        most = larger(v, most);
    }
    if (i < n) {
        const f32x8 v = load_part(x + i, n - i, -INFINITY);
        sound &= v < splat(INFINITY);
        most = larger(v, most);
    }
    return __builtin_reduce_and(sound) ? largest(most) : NAN;
}

/// e^x for x <= 0, and exactly 0 below -87.
INLINE f32x8 decay(f32x8 x) { return select(x < splat(-87.0f), splat(0), exponential(x)); }

static float NAME(logits_weigh)(const float *x, size_t n, float maximum, float scale, float *weights) {
    if (maximum == -INFINITY) {
        if (weights) memset(weights, 0, n * sizeof *weights);
        return 0;
    }
    f32x8 total = splat(0);
    size_t i = 0;
    if (weights) {
        for (; i + 8 <= n; i += 8) {
            const f32x8 w = decay((load(x + i) - maximum) * scale);
            store(weights + i, w);
            total += w;
        }
    } else {
        for (; i + 8 <= n; i += 8) total += decay((load(x + i) - maximum) * scale);
    }
    if (i < n) {
        const f32x8 w = decay((load_part(x + i, n - i, -INFINITY) - maximum) * scale);
        if (weights) memcpy(weights + i, &w, (n - i) * sizeof *weights);
        total += w;
    }
    return sum(total);
}

static size_t NAME(logits_select)(const float *x, size_t n, float least, uint32_t first, uint32_t *tokens) {
    size_t found = 0, i = 0;
    for (; i + 8 <= n; i += 8) {
        const i32x8 hit = load(x + i) >= splat(least);
        if (!__builtin_reduce_or(hit)) continue;
        for (size_t lane = 0; lane < 8; lane++) {
            tokens[found] = first + (uint32_t)(i + lane);
            found += hit[lane] & 1;
        }
    }
    for (; i < n; i++)
        if (x[i] >= least) tokens[found++] = first + (uint32_t)i;
    return found;
}
