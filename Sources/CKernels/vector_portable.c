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
