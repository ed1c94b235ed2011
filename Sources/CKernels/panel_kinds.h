#ifndef APUS_PANEL_KINDS_H
#define APUS_PANEL_KINDS_H
#include "panels.h"

// What is known of a panel kind when the code that reads it is compiled: `kind` is a constant wherever these are
// used, so that they cost nothing.

/// KIND(...) for each quantised kind whose codes have at most eight bits, and for all of them: a set of kernels makes its
/// functions with these, so that none is left out.
#define NARROW_KINDS                                                                                        \
    KIND(Q4_0) KIND(Q4_1) KIND(Q5_0) KIND(Q5_1) KIND(Q8_0) KIND(Q2_K) KIND(Q3_K) KIND(Q4_K) KIND(Q5_K) KIND(Q6_K) \
    KIND(IQ4_NL) KIND(IQ4_XS) KIND(MXFP4)
#define QUANTIZED_KINDS NARROW_KINDS KIND(I16)

#define KIND_PROPERTY static inline __attribute__((always_inline)) int

/// Cut into super-blocks, whose scales precede their groups.
KIND_PROPERTY is_super(apus_panel_kind kind) {
    return kind == APUS_PANEL_Q2_K || kind == APUS_PANEL_Q3_K || kind == APUS_PANEL_Q4_K || kind == APUS_PANEL_Q5_K ||
           kind == APUS_PANEL_Q6_K || kind == APUS_PANEL_IQ4_XS;
}
/// A scale for each half of a group.
KIND_PROPERTY has_half_scales(apus_panel_kind kind) {
    return kind == APUS_PANEL_Q2_K || kind == APUS_PANEL_Q3_K || kind == APUS_PANEL_Q6_K;
}
/// A min for each half of a group.
KIND_PROPERTY has_half_mins(apus_panel_kind kind) { return kind == APUS_PANEL_Q2_K; }
/// A min for the whole group.
KIND_PROPERTY has_min(apus_panel_kind kind) {
    return kind == APUS_PANEL_Q4_1 || kind == APUS_PANEL_Q5_1 || kind == APUS_PANEL_Q4_K || kind == APUS_PANEL_Q5_K;
}
KIND_PROPERTY has_fifth(apus_panel_kind kind) {
    return kind == APUS_PANEL_Q5_0 || kind == APUS_PANEL_Q5_1 || kind == APUS_PANEL_Q5_K;
}
/// Codes are numbers of the levels of IQ4.
KIND_PROPERTY is_iq4(apus_panel_kind kind) { return kind == APUS_PANEL_IQ4_NL || kind == APUS_PANEL_IQ4_XS; }
/// Codes of eight bits.
KIND_PROPERTY is_wide(apus_panel_kind kind) { return kind == APUS_PANEL_Q8_0 || is_iq4(kind); }
/// Whether the products with both planes of a column are joined as whole numbers. Scales of halves, and codes of 16 bits,
/// would make them too large for 32 bits; else they are at most 32 * 128 * 127 * 255.
KIND_PROPERTY joins_planes(apus_panel_kind kind) { return !has_half_scales(kind) && kind != APUS_PANEL_I16; }
/// log2 of what unsigned codes are above the codes that are multiplied, or 0 where they are the same.
KIND_PROPERTY offset_bits(apus_panel_kind kind) {
    switch (kind) {
    case APUS_PANEL_Q3_K: return 2;
    case APUS_PANEL_Q4_0: return 3;
    case APUS_PANEL_Q5_0:
    case APUS_PANEL_Q5_1:
    case APUS_PANEL_Q5_K:
    case APUS_PANEL_MXFP4: return 4;
    case APUS_PANEL_Q6_K: return 5;
    case APUS_PANEL_Q8_0:
    case APUS_PANEL_IQ4_NL:
    case APUS_PANEL_IQ4_XS:
    case APUS_PANEL_I16: return 7; // of I16's upper half
    default: return 0;
    }
}

#undef KIND_PROPERTY
#endif
