#ifndef APUS_CKERNELS_H
#define APUS_CKERNELS_H
// Kernels in C. One header per subject.
#include "dequantize.h"
#endif
