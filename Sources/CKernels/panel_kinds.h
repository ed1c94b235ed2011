#ifndef APUS_PANEL_KINDS_H
#define APUS_PANEL_KINDS_H
#include "panels.h"

// What is known of a panel kind when the code that reads it is compiled: `kind` is a constant wherever these are
// used, so that they cost nothing.

#define KIND_PROPERTY static inline __attribute__((always_inline)) int

/// Cut into super-blocks, whose scales precede their groups.
KIND_PROPERTY is_super(apus_panel_kind kind) {
    return kind == APUS_PANEL_Q4_K || kind == APUS_PANEL_Q5_K || kind == APUS_PANEL_Q6_K;
}
KIND_PROPERTY has_min(apus_panel_kind kind) {
    return kind == APUS_PANEL_Q4_1 || kind == APUS_PANEL_Q5_1 || kind == APUS_PANEL_Q4_K || kind == APUS_PANEL_Q5_K;
}
KIND_PROPERTY has_fifth(apus_panel_kind kind) {
    return kind == APUS_PANEL_Q5_0 || kind == APUS_PANEL_Q5_1 || kind == APUS_PANEL_Q5_K;
}
/// log2 of what stored codes are above the codes that are multiplied, or 0 where they are the same.
KIND_PROPERTY offset_bits(apus_panel_kind kind) {
    return kind == APUS_PANEL_Q4_0   ? 3
           : has_fifth(kind)         ? 4
           : kind == APUS_PANEL_Q6_K ? 5
           : kind == APUS_PANEL_Q8_0 ? 7
           : kind == APUS_PANEL_I16  ? 7 // of the upper half
                                     : 0;
}

#undef KIND_PROPERTY
#endif
