#include "matmul.h"

#if defined(__aarch64__)
#include "neon.h"

// Minus the sums of a group's codes at even and at odd pairs of k.
INLINE void sum_codes(int8x16_t first, int8x16_t second, apus_activations *group) {
    // In each 32-bit lane an even pair and an odd one: lanes are folded until one is left of each half.
    int32x4_t a = vreinterpretq_s32_s16(vpaddlq_s8(first)), b = vreinterpretq_s32_s16(vpaddlq_s8(second));
    UNROLL for (int i = 0; i < 2; i++) {
        const int16x8_t sums =
            vaddq_s16(vreinterpretq_s16_s32(vuzp1q_s32(a, b)), vreinterpretq_s16_s32(vuzp2q_s32(a, b)));
        a = b = vreinterpretq_s32_s16(sums);
    }
    vst1_s16(group->half_pairs[0], vneg_s16(vget_low_s16(vreinterpretq_s16_s32(a))));
    for (size_t i = 0; i < 2; i++) {
        group->pairs[i] = (int16_t)(group->half_pairs[0][i] + group->half_pairs[1][i]);
        group->halves[i] = group->half_pairs[i][0] + group->half_pairs[i][1];
    }
    group->whole = group->halves[0] + group->halves[1];
}

INLINE int8x16_t narrow(const int32x4_t *q) {
    return vcombine_s8(
        vqmovn_s16(vcombine_s16(vqmovn_s32(q[0]), vqmovn_s32(q[1]))),
        vqmovn_s16(vcombine_s16(vqmovn_s32(q[2]), vqmovn_s32(q[3]))));
}

void apus_neon_quantize(
    const float *x, size_t x_stride, size_t count, size_t k, int planes, size_t first_column,
    apus_activations *out) {
    const size_t groups = k / APUS_GROUP, stride = apus_column_stride(groups);
    const float32x4_t most = vdupq_n_f32(127.0f), least = vdupq_n_f32(-127.0f);
    for (size_t c = 0; c < count; c++) {
        for (size_t g = 0; g < groups; g++) {
            float32x4_t left[8], largest = vdupq_n_f32(0);
            UNROLL for (size_t i = 0; i < 8; i++) {
                left[i] = vld1q_f32(x + c * x_stride + g * APUS_GROUP + i * 4);
                largest = vmaxnmq_f32(largest, vabsq_f32(left[i]));
            }
            float scale = vmaxnmvq_f32(largest) / 127.0f;
            int32_t sum = 0;
            for (int p = 0; p < planes; p++, scale *= APUS_PLANE_RATIO) {
                apus_activations *to = out + ((first_column + c) * (size_t)planes + (size_t)p) * stride + g;
                const float inverse = scale > APUS_SCALE_MIN ? 1.0f / scale : 0.0f;
                int32x4_t q[8];
                UNROLL for (size_t i = 0; i < 8; i++) {
                    const float32x4_t nearest = vrndnq_f32(vmulq_n_f32(left[i], inverse));
                    const float32x4_t code = vmaxq_f32(vminq_f32(nearest, most), least);
                    left[i] = vfmsq_n_f32(left[i], code, scale);
                    q[i] = vcvtq_s32_f32(code);
                }
                const int8x16_t first = narrow(q), second = narrow(q + 4);
                to->scale = scale;
                vst1q_s8(to->codes, first);
                vst1q_s8(to->codes + 16, second);
                sum_codes(first, second, to);
                sum = APUS_PLANE_STEPS * sum - to->whole;
                to->sum = scale * (float)sum;
            }
        }
    }
}
#endif
