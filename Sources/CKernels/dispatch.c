#include "tables.h"
#include <string.h>

static int runs_anywhere(void) { return 1; }

#if defined(__x86_64__)
static int runs_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static int runs_avx512(void) {
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}
#endif

// The fastest first.
static const struct {
    const apus_kernels *table;
    int (*runs)(void);
} sets[] = {
#if defined(__x86_64__)
    {&apus_avx512_table, runs_avx512},
    {&apus_avx2_table, runs_avx2},
#endif
    {&apus_portable_table, runs_anywhere},
};

enum { SET_COUNT = sizeof sets / sizeof sets[0] };

const apus_kernels *apus_kernels_portable(void) { return &apus_portable_table; }

const apus_kernels *apus_kernels_best(void) {
    for (size_t i = 0; i < SET_COUNT; i++)
        if (sets[i].runs()) return sets[i].table;
    return &apus_portable_table;
}

const apus_kernels *apus_kernels_named(const char *name) {
    for (size_t i = 0; i < SET_COUNT; i++)
        if (strcmp(name, sets[i].table->name) == 0) return sets[i].runs() ? sets[i].table : NULL;
    return NULL;
}
