#include "check.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t random_bits(void) {
    static uint64_t state = 0x243f6a8885a308d3;
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

float random_float(float low, float high) {
    return low + (high - low) * (float)(random_bits() >> 40) * 0x1p-24f;
}

void fill_random(float *x, size_t n, float low, float high) {
    for (size_t i = 0; i < n; i++) x[i] = random_float(low, high);
}

enum { BUFFERS_MAX = 4096 };
static struct {
    void *start;
    size_t bytes;
} buffers[BUFFERS_MAX];
static size_t buffer_count;

void *take(size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
    uint8_t *start = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer_count == BUFFERS_MAX || start == MAP_FAILED || mprotect(start + whole, page, PROT_NONE) != 0) {
        fprintf(stderr, "No memory for a buffer of %zu bytes.\n", bytes);
        exit(2);
    }
    buffers[buffer_count].start = start, buffers[buffer_count++].bytes = whole + page;
    return start + whole - bytes;
}

float *take_floats(size_t n) { return take(n * sizeof(float)); }

void *take_copy(const void *from, size_t bytes) { return memcpy(take(bytes), from, bytes); }

void release_all(void) {
    while (buffer_count) buffer_count--, munmap(buffers[buffer_count].start, buffers[buffer_count].bytes);
}

static char description[256];

void describe(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(description, sizeof description, format, arguments);
    va_end(arguments);
}

static void crashed(int number) {
    printf("Signal %d (over the end of a buffer, an unknown instruction): %s\n", number, description);
    fflush(stdout);
    _exit(1);
}

void name_crashes(void) {
    signal(SIGSEGV, crashed);
    signal(SIGILL, crashed);
}

// FNV-1a, over bytes.
static uint64_t hash = 0xcbf29ce484222325;

void add_to_digest(const void *reference, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ ((const uint8_t *)reference)[i]) * 0x100000001b3;
}

uint64_t digest(void) { return hash; }

size_t set_count;
const apus_kernels *sets[SETS_MAX];
static size_t counts[SETS_MAX];

void passed(size_t set) { counts[set]++; }

size_t take_passed(size_t set) {
    const size_t count = counts[set];
    counts[set] = 0;
    return count;
}

enum { UNTOUCHED = 0xf1 };

void fill_untouched(void *out, size_t bytes) { memset(out, UNTOUCHED, bytes); }

static void fail(size_t set, const char *what, const char *how, size_t at) {
    printf("%s: %s, %s: %s at byte %zu\n", sets[set]->name, what, description, how, at);
    exit(1);
}

void expect_same(size_t set, const char *what, const void *reference, const void *found, size_t bytes) {
    if (memcmp(reference, found, bytes) == 0) return;
    size_t at = 0;
    while (((const uint8_t *)reference)[at] == ((const uint8_t *)found)[at]) at++;
    fail(set, what, "other bits than the portable kernels'", at);
}

void expect_same_rows(
    size_t set, const char *what, const float *reference, const float *found, size_t rows, size_t n,
    size_t stride) {
    for (size_t row = 0; row < rows; row++) {
        expect_same(set, what, reference + row * stride, found + row * stride, n * sizeof(float));
        const uint8_t *between = (const uint8_t *)(found + row * stride + n);
        for (size_t i = 0; row + 1 < rows && i < (stride - n) * sizeof(float); i++)
            if (between[i] != UNTOUCHED) fail(set, what, "writes beside a row", i);
    }
}
