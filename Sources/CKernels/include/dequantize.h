#ifndef APUS_DEQUANTIZE_H
#define APUS_DEQUANTIZE_H
// From the tensor formats of GGUF to f32: the specification of every quantised type in this project.
// A fast path is right when it agrees with the function here.
//
// Formats: the GGUF document (github.com/ggml-org/ggml/blob/master/docs/gguf.md) and the block layouts
// of ggml-common.h, restated beside each function in dequantize.c. All numbers are little-endian.
#include <stddef.h>
#include <stdint.h>

/// IEEE 754 binary16 to binary32, exact for every input (subnormals, infinities and NaNs included).
float apus_f16_to_f32(uint16_t bits);

/// bfloat16 (the upper half of a binary32) to binary32, exact.
float apus_bf16_to_f32(uint16_t bits);

/// The levels of the non-linear 4-bit codes, IQ4_NL and IQ4_XS.
extern const int8_t apus_iq4_levels[16];

/// Twice the E2M1 values of the OCP Microscaling Formats specification v1.0, §5.3.3, so that they are whole.
extern const int8_t apus_e2m1_doubled[16];

/// Half of the E8M0 scale 2^(e - 127): 2^(e - 128), which is subnormal in f32 for e < 2.
float apus_e8m0_halved(uint8_t e);

// One function per type. `blocks`: count / blockElements blocks, of any alignment. `out`: count floats.
// `count`: elements, a multiple of the type's block (1, 32 or 256).
void apus_dequantize_f32(const void *blocks, float *out, size_t count);
void apus_dequantize_f16(const void *blocks, float *out, size_t count);
void apus_dequantize_bf16(const void *blocks, float *out, size_t count);
void apus_dequantize_q4_0(const void *blocks, float *out, size_t count);
void apus_dequantize_q4_1(const void *blocks, float *out, size_t count);
void apus_dequantize_q5_0(const void *blocks, float *out, size_t count);
void apus_dequantize_q5_1(const void *blocks, float *out, size_t count);
void apus_dequantize_q8_0(const void *blocks, float *out, size_t count);
void apus_dequantize_q2_k(const void *blocks, float *out, size_t count);
void apus_dequantize_q3_k(const void *blocks, float *out, size_t count);
void apus_dequantize_q4_k(const void *blocks, float *out, size_t count);
void apus_dequantize_q5_k(const void *blocks, float *out, size_t count);
void apus_dequantize_q6_k(const void *blocks, float *out, size_t count);
void apus_dequantize_iq4_nl(const void *blocks, float *out, size_t count);
void apus_dequantize_iq4_xs(const void *blocks, float *out, size_t count);
void apus_dequantize_mxfp4(const void *blocks, float *out, size_t count);

enum {
    APUS_DEQUANTIZE_OK = 0,
    APUS_DEQUANTIZE_UNKNOWN_TYPE = 1,   // the type is none of the above
    APUS_DEQUANTIZE_PARTIAL_BLOCK = 2,  // count is not a multiple of the type's block
};

/// Dequantises `count` elements of the type numbered as in GGUF (`ggml_type`). Returns one of the codes
/// above; `out` is written only when that is APUS_DEQUANTIZE_OK.
int apus_dequantize(uint32_t ggml_type, const void *blocks, float *out, size_t count);
#endif
