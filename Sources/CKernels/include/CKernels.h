#ifndef APUS_CKERNELS_H
#define APUS_CKERNELS_H
// Kernels in C. One header per subject.
#include "dequantize.h"
#include "kernels.h"
#include "panels.h"
#include "roofline.h"
#endif
