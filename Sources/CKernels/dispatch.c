#include "cpu.h"
#include "tables.h"
#include <string.h>

static int runs_anywhere(void) { return 1; }

// The fastest first.
static const struct {
    const apus_kernels *table;
    int (*runs)(void);
} sets[] = {
#if defined(__x86_64__)
    {&apus_avx512_table, cpu_has_avx512},
    {&apus_avx2_table, cpu_has_avx2},
#elif defined(__aarch64__)
    {&apus_neon_i8mm_table, cpu_has_i8mm},
    {&apus_neon_dotprod_table, cpu_has_dotprod},
#endif
    {&apus_portable_table, runs_anywhere},
};

enum { SET_COUNT = sizeof sets / sizeof sets[0] };

const apus_kernels *apus_kernels_portable(void) { return &apus_portable_table; }

const apus_kernels *apus_kernels_at(size_t index) {
    for (size_t i = 0; i < SET_COUNT; i++)
        if (sets[i].runs() && index-- == 0) return sets[i].table;
    return NULL;
}

const apus_kernels *apus_kernels_best(void) { return apus_kernels_at(0); }

const apus_kernels *apus_kernels_named(const char *name) {
    for (size_t i = 0; i < SET_COUNT; i++)
        if (strcmp(name, sets[i].table->name) == 0) return sets[i].runs() ? sets[i].table : NULL;
    return NULL;
}
