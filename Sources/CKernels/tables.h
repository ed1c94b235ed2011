#ifndef APUS_TABLES_H
#define APUS_TABLES_H
#include "kernels.h"

/// The functions of vector.h, attention.h and logits.h under `set`.
#define VECTOR_FUNCTIONS(set)                         \
    .rms_norm = set##_rms_norm,                       \
    .layer_norm = set##_layer_norm,                   \
    .add = set##_add,                                 \
    .scale = set##_scale,                             \
    .silu_multiply = set##_silu_multiply,             \
    .gelu_multiply = set##_gelu_multiply,             \
    .gelu_exact = set##_gelu_exact,                   \
    .rope_halves = set##_rope_halves,                 \
    .rope_pairs = set##_rope_pairs,                   \
    .store_key_value = set##_store_key_value,         \
    .attention = set##_attention,                     \
    .attention_segment = set##_attention_segment,     \
    .attention_finish = set##_attention_finish,       \
    .logits_maximum = set##_logits_maximum,           \
    .logits_weigh = set##_logits_weigh,               \
    .logits_select = set##_logits_select

/// The table of one instruction set: those under `set`, the matrix products under `products`.
#define TABLE(set, products)                              \
    {                                                     \
        .name = #set,                                     \
        .quantize = products##_quantize,                  \
        .matmul_quantized = products##_matmul_quantized,  \
        .matmul_float = products##_matmul_float,          \
        VECTOR_FUNCTIONS(set),                            \
    }

extern const apus_kernels apus_portable_table;
extern const apus_kernels apus_avx2_table;
extern const apus_kernels apus_avx512_table;
extern const apus_kernels apus_neon_dotprod_table;
extern const apus_kernels apus_neon_i8mm_table;

#endif
