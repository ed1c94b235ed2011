#include "tables.h"
#include <string.h>

const apus_kernels *apus_kernels_portable(void) { return &apus_portable_table; }

static const apus_kernels *avx2_if_supported(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
        return &apus_avx2_table;
#endif
    return NULL;
}

const apus_kernels *apus_kernels_best(void) {
    const apus_kernels *fast = avx2_if_supported();
    return fast ? fast : &apus_portable_table;
}

const apus_kernels *apus_kernels_named(const char *name) {
    if (strcmp(name, "portable") == 0) return &apus_portable_table;
    if (strcmp(name, "avx2") == 0) return avx2_if_supported();
    return NULL;
}
