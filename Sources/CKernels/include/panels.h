#ifndef APUS_PANELS_H
#define APUS_PANELS_H
#include <stddef.h>
#include <stdint.h>

// Weights as the matrix kernels read them.
//
// A panel is 8 output rows, interleaved so that one 32-byte vector holds 8 rows x 4 consecutive k, one
// 32-bit lane per row: results come out of a kernel in row order, with no shuffle and no horizontal sum.
// Along k a panel is cut into groups of 32 (quantised formats) and, for the K-quants, super-blocks of 256.
//
// Codes stay unsigned; the kernels take a format's offset off through the sums of the activations. Codes that
// are numbers of levels stay what they are, and the kernels look the levels up.
// Code vector j of a group, j = 0..7, holds k = 4j .. 4j+3 of the group: byte 4r+i is row r, k = 4j+i.
// Nibble vectors: byte b of stored vector j holds code vector j in its low half, j+4 in its high half.
//
//   kind      group bytes, in order                                             weight
//   Q4_0      f16 d[8], nibbles[128]                                            d*(q-8)
//   Q4_1      f16 d[8], f16 m[8], nibbles[128]                                  d*q + m
//   Q5_0      f16 d[8], bits[32], nibbles[128]                                  d*(q-16)
//   Q5_1      f16 d[8], f16 m[8], bits[32], nibbles[128]                        d*q + m
//   Q8_0      f16 d[8], bytes[256] (code + 128)                                 d*(q-128)
//   Q4_K      super: f16 d[8], f16 m[8], then 8 x {u8 s[8], u8 o[8], nibbles}   d*s*q - m*o
//   Q5_K      the same with bits[32] before the nibbles of each group
//   Q6_K      super: f16 d[8], 16 unused, then 8 x {i8 s[8][2], pairs[64], nibbles}  d*s*(q-32), s per 16 k
//   Q2_K      super: f16 d[8], f16 m[8], then 8 x {u8 so[8][2], pairs[64]}      d*s*q - m*o, so = s + 16 o per 16 k
//   Q3_K      super: f16 d[8], then 8 x {i8 s[8][2], triples[96]}               d*s*(q-4), s per 16 k
//   IQ4_NL    f16 d[8], nibbles[128]                                            d*level[q]
//   IQ4_XS    super: f16 d[8], then 8 x {i8 s[8], nibbles}                      d*s*level[q]
//   MXFP4     u8 e[8], nibbles[128]                                             2^(e-128)*e2m1_doubled[q]
//   I16       f16 d[8], bytes[256] (upper half of the code + 32768), bytes[256] (lower half)   d*(q-32768)
//   F32, F16, BF16   [k][8 rows]
//
// The levels of IQ4 and, doubled, of E2M1 are tables of dequantize.h.
// bits[32]: bit j of byte b is the fifth bit of byte b of code vector j.
// pairs[64]: two 32-byte vectors, code vectors 0-3 and 4-7; bits 2j', 2j'+1 of byte b are two bits of byte b of
// code vector j' of that half: of Q6_K's codes the fifth and sixth.
// triples[96]: three 32-byte vectors; bits 0-2 and 3-5 of byte b are byte b of code vectors 0 and 1, 2 and 3, 4 and 5.
// Code vector 6 has its low two bits in bits 6-7 of the first, 7 in those of the third, and their third bits are bits
// 6 and 7 of the second.
typedef enum {
    APUS_PANEL_NONE = 0,
    APUS_PANEL_Q4_0,
    APUS_PANEL_Q4_1,
    APUS_PANEL_Q5_0,
    APUS_PANEL_Q5_1,
    APUS_PANEL_Q8_0,
    APUS_PANEL_Q4_K,
    APUS_PANEL_Q5_K,
    APUS_PANEL_Q6_K,
    APUS_PANEL_Q2_K,
    APUS_PANEL_Q3_K,
    APUS_PANEL_IQ4_NL,
    APUS_PANEL_IQ4_XS,
    APUS_PANEL_MXFP4,
    APUS_PANEL_I16, // of F32, F16 and BF16 whose rows are whole groups; d is a power of two
    APUS_PANEL_F32,
    APUS_PANEL_F16,
    APUS_PANEL_BF16,
} apus_panel_kind;

enum { APUS_PANEL_ROWS = 8, APUS_GROUP = 32, APUS_SUPER = 256 };

/// The panel kind that holds rows of `k` weights of a GGUF tensor type, or APUS_PANEL_NONE for a number that is no such
/// type.
apus_panel_kind apus_panel_kind_of(uint32_t ggml_type, size_t k);

/// Whether products with a kind take quantised activations (`matmul_quantized`), or floats.
int apus_panel_is_quantized(apus_panel_kind kind);

/// Bytes of one panel with rows of `k` weights; `k` is a whole number of the type's blocks.
size_t apus_panel_bytes(apus_panel_kind kind, size_t k);

/// Writes one panel of a type's kind from `rows` (1...8) source rows of `row_bytes` each; missing rows become zeros.
void apus_pack_panel(uint32_t ggml_type, const void *source, size_t row_bytes, size_t rows, size_t k, void *panel);

#endif
