#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define NAME(x) avx2_##x
#define KEEP(v) __asm__("" : "+x"(v))
#include "vector.h"
#include "attention.h"
#include "logits.h"
#pragma clang attribute pop
#include "matmul.h"
#include "tables.h"

const apus_kernels apus_avx2_table = TABLE(avx2, apus_avx2);
#endif
