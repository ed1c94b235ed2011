#ifndef APUS_DEQUANTIZE_H
#define APUS_DEQUANTIZE_H
#include <stddef.h>
#include <stdint.h>
#endif
