#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#define NAME(x) avx512_##x
#define KEEP(v) __asm__("" : "+v"(v))
#include "vector.h"
#include "attention.h"
#include "logits.h"
#pragma clang attribute pop
#include "matmul.h"
#include "tables.h"

// Quantising is bound by memory: 32 bytes at a time are enough.
#define apus_avx512_quantize apus_avx2_quantize
#define apus_avx512_matmul_float apus_avx2_matmul_float
const apus_kernels apus_avx512_table = TABLE(avx512, apus_avx512);
#endif
