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
INLINE void load_i8(const uint8_t *p, float32x4_t *rows) {
    const int16x8_t wide = vmovl_s8(vld1_s8((const int8_t *)p));
    rows[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
    rows[1] = vcvtq_f32_s32(vmovl_high_s16(wide));
}
// 2^(e - 128): the exponent in its place. The subnormals of e < 2 are (e + 1) << 21, which is less for all
// others.
INLINE void load_e8m0_halved(const uint8_t *p, float32x4_t *rows) {
    const uint16x8_t wide = vmovl_u8(vld1_u8(p));
    const uint32x4_t e[2] = {vmovl_u16(vget_low_u16(wide)), vmovl_high_u16(wide)};
    UNROLL for (int r = 0; r < 2; r++) {
        const int32x4_t exponent = vreinterpretq_s32_u32(e[r]), one = vdupq_n_s32(1);
        const int32x4_t normal = vshlq_n_s32(vsubq_s32(exponent, one), 23);
        const int32x4_t subnormal = vshlq_n_s32(vaddq_s32(exponent, one), 21);
        rows[r] = vreinterpretq_f32_s32(vmaxq_s32(normal, subnormal));
    }
}

#endif
