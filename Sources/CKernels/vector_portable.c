// Every function that takes or returns a vector is inlined, so the ABI for vectors wider than the baseline's
// registers does not matter.
#pragma clang diagnostic ignored "-Wpsabi"
#define NAME(x) portable_##x
#include "vector.h"
#include "attention.h"
#include "logits.h"
#include "matmul.h"
#include "tables.h"

const apus_kernels apus_portable_table = TABLE(portable, apus_portable);

#if defined(__aarch64__)
// Every arm64 has NEON, and the functions above use it: only the products differ.
#define NEON_TABLE(label, products)             \
    {                                           \
        .name = label,                          \
        .quantize = apus_neon_quantize,         \
        .matmul_quantized = products,           \
        .matmul_float = apus_neon_matmul_float, \
        VECTOR_FUNCTIONS(portable),             \
    }

const apus_kernels apus_neon_dotprod_table = NEON_TABLE("neon-dotprod", apus_neon_dotprod_matmul_quantized);
const apus_kernels apus_neon_i8mm_table = NEON_TABLE("neon-i8mm", apus_neon_i8mm_matmul_quantized);
#endif
