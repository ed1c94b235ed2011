#include "check.h"
#include <math.h>
#include <string.h>

// The functions that change vectors in place, and those over logits.

static const size_t lengths[] = {2, 6, 8, 14, 16, 64, 96, 250, 576};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

// A function under test on its buffers: x [n] is changed, y and z [n] are read.
typedef void operation(const apus_kernels *kernels, float *x, const float *y, const float *z, size_t n);

static void rms_norm(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    k->rms_norm(z, y, 1e-5f, n, x);
}
static void rms_norm_in_place(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    (void)z;
    k->rms_norm(x, y, 1e-5f, n, x);
}
static void layer_norm(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    k->layer_norm(x, y, z, 1e-12f, n, x);
}
static void gelu_exact(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    (void)y, (void)z;
    k->gelu_exact(x, n);
}
static void add(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    (void)z;
    k->add(x, y, n);
}
static void scale(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    (void)z;
    k->scale(x, y[0], n);
}
static void silu_multiply(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    (void)z;
    k->silu_multiply(x, y, n);
}
static void gelu_multiply(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    (void)z;
    k->gelu_multiply(x, y, n);
}
static void rope_halves(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    k->rope_halves(x, y, z, n);
}
static void rope_pairs(const apus_kernels *k, float *x, const float *y, const float *z, size_t n) {
    k->rope_pairs(x, y, z, n);
}

static void vector_case(const char *name, operation *run, size_t n, float size) {
    float *before = take_floats(n), *y = take_floats(n), *z = take_floats(n), *reference = take_floats(n);
    fill_random(before, n, -size, size);
    fill_random(y, n, -1, 1);
    fill_random(z, n, -size, size);
    describe("%zu floats up to %g", n, (double)size);
    memcpy(reference, before, n * sizeof(float));
    run(apus_kernels_portable(), reference, y, z, n);
    add_to_digest(reference, n * sizeof(float));
    for (size_t set = 0; set < set_count; set++) {
        float *found = take_copy(before, n * sizeof(float));
        run(sets[set], found, y, z, n);
        expect_same(set, name, reference, found, n * sizeof(float));
        passed(set);
    }
    release_all();
}

void check_vectors(void) {
    static const struct {
        const char *name;
        operation *run;
    } operations[] = {
        {"rms_norm", rms_norm},
        {"rms_norm in place", rms_norm_in_place},
        {"layer_norm in place", layer_norm},
        {"gelu_exact", gelu_exact},
        {"add", add},
        {"scale", scale},
        {"silu_multiply", silu_multiply},
        {"gelu_multiply", gelu_multiply},
        {"rope_halves", rope_halves},
        {"rope_pairs", rope_pairs},
    };
    static const float sizes[] = {0, 1e-30f, 4, 1e4f, 1e12f};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        for (size_t j = 0; j < LENGTHS; j++)
            for (size_t s = 0; s < 5; s++)
                vector_case(operations[i].name, operations[i].run, lengths[j], sizes[s]);
}

// ---- Logits

// Some logits are masked, and perhaps one is unsound.
static float *take_logits(size_t n, float extreme) {
    float *x = take_floats(n);
    fill_random(x, n, -95, 3);
    for (size_t i = 5; i < n; i += 11) x[i] = -INFINITY;
    if (extreme != 0) x[n / 3] = extreme;
    return x;
}

// What the functions say of one row; the padding between is zeros.
typedef struct {
    float maximum, total, total_alone;
    size_t selected;
} answers;

static answers ask(const apus_kernels *kernels, const float *x, size_t n, float *weights, uint32_t *tokens) {
    answers a;
    memset(&a, 0, sizeof a);
    a.maximum = kernels->logits_maximum(x, n);
    const float bound = isnan(a.maximum) ? 3 : a.maximum;
    a.total = kernels->logits_weigh(x, n, bound, 0.7f, weights);
    a.total_alone = kernels->logits_weigh(x, n, bound, 0.7f, NULL);
    a.selected = kernels->logits_select(x, n, bound - 20, 1000, tokens);
    return a;
}

static void logits_case(size_t n, float extreme) {
    const float *x = take_logits(n, extreme);
    float *reference = take_floats(n), *found = take_floats(n);
    uint32_t *tokens = take(n * sizeof(uint32_t)), *found_tokens = take(n * sizeof(uint32_t));
    describe("%zu logits, one %g", n, (double)extreme);
    const answers expected = ask(apus_kernels_portable(), x, n, reference, tokens);
    add_to_digest(&expected.selected, sizeof expected.selected);
    if (extreme == 0 || extreme == -INFINITY) add_to_digest(reference, n * sizeof(float));
    for (size_t set = 0; set < set_count; set++) {
        fill_untouched(found, n * sizeof(float));
        const answers a = ask(sets[set], x, n, found, found_tokens);
        expect_same(set, "logits_maximum and sums", &expected, &a, sizeof a);
        expect_same(set, "logits_weigh", reference, found, n * sizeof(float));
        expect_same(set, "logits_select", tokens, found_tokens, a.selected * sizeof(uint32_t));
        passed(set);
    }
    release_all();
}

void check_logits(void) {
    static const size_t counts[] = {1, 7, 8, 9, 40, 255, 256, 1000};
    static const float extremes[] = {0, -INFINITY, 88, NAN, INFINITY};
    for (size_t i = 0; i < 8; i++)
        for (size_t e = 0; e < 5; e++) logits_case(counts[i], extremes[e]);
}
