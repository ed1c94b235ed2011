#ifndef APUS_NEON_H
#define APUS_NEON_H
#include "matmul.h"
#include <arm_neon.h>
#include <string.h>

// What the NEON products share. Eight rows are two vectors: rows 0-3 and rows 4-7.

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

INLINE void load_f16(const uint8_t *p, float32x4_t *rows) {
    const float16x8_t halves = vreinterpretq_f16_u8(vld1q_u8(p));
    rows[0] = vcvt_f32_f16(vget_low_f16(halves));
    rows[1] = vcvt_high_f32_f16(halves);
}
INLINE void load_u8(const uint8_t *p, float32x4_t *rows) {
    const uint16x8_t wide = vmovl_u8(vld1_u8(p));
    rows[0] = vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide)));
    rows[1] = vcvtq_f32_u32(vmovl_high_u16(wide));
}

#endif
