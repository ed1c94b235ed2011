#ifndef APUS_ROOFLINE_H
#define APUS_ROOFLINE_H
#include <stddef.h>
#include <stdint.h>

// Micro-kernels that do nothing but what bounds a matrix product: they say how fast this machine could go at most.

/// 8-bit multiply-adds without loads, unpacking or scales: on AVX2 maddubs and a 16-bit add, on AVX-512 vpdpbusd,
/// on arm64 smmla or sdot.
/// Does `rounds` rounds, an even number, of APUS_ROOFLINE_ROUND multiply-adds; what it returns only keeps the work alive.
uint64_t apus_roofline_multiply(size_t rounds);

/// Reads `bytes` bytes, a multiple of 256, at a 32-byte boundary; what it returns only keeps the work alive.
uint64_t apus_roofline_read(const void *memory, size_t bytes);

enum { APUS_ROOFLINE_ROUND = 12 * 32 };

#endif
