#include "matmul.h"

#if defined(__aarch64__)
#include "neon.h"

// Products with activations in f32. A column has four sums, which take turns every RUN weights along k: so
// one column alone does not wait for each addition, and many go through the weights in order; see matmul.h.

enum { PARTS = 4, RUN = 64, COLUMNS = 8 };

INLINE size_t value_bytes(apus_panel_kind kind) { return kind == APUS_PANEL_F32 ? 32 : 16; }

// The values of 8 rows at k.
INLINE void values(apus_panel_kind kind, const uint8_t *panel, size_t k, float32x4_t *rows) {
    const uint8_t *at = panel + k * value_bytes(kind);
    if (kind == APUS_PANEL_F32) {
        rows[0] = vreinterpretq_f32_u8(vld1q_u8(at));
        rows[1] = vreinterpretq_f32_u8(vld1q_u8(at + 16));
    } else if (kind == APUS_PANEL_F16) {
        load_f16(at, rows);
    } else {
        const uint16x8_t bits = vreinterpretq_u16_u8(vld1q_u8(at));
        rows[0] = vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(bits), 16));
        rows[1] = vreinterpretq_f32_u32(vshll_high_n_u16(bits, 16));
    }
}

INLINE void add_value(const float32x4_t *weights, float x, float32x4_t *sum) {
    sum[0] = vfmaq_n_f32(sum[0], weights[0], x);
    sum[1] = vfmaq_n_f32(sum[1], weights[1], x);
}

// The weights first ..< end, of one run, into one sum of each column.
INLINE void add_run(
    apus_panel_kind kind, const uint8_t *panel, size_t first, size_t end, const float *x, size_t x_stride,
    int n, float32x4_t (*sums)[2]) {
    float32x4_t s[COLUMNS][2];
    UNROLL for (int c = 0; c < n; c++) s[c][0] = sums[c][0], s[c][1] = sums[c][1];
    for (size_t k = first; k < end; k++) {
        float32x4_t w[2];
        values(kind, panel, k, w);
        UNROLL for (int c = 0; c < n; c++) add_value(w, x[(size_t)c * x_stride + k], s[c]);
    }
    UNROLL for (int c = 0; c < n; c++) sums[c][0] = s[c][0], sums[c][1] = s[c][1];
}

// For one or two columns the four sums run side by side.
INLINE void add_four_runs(
    apus_panel_kind kind, const uint8_t *panel, size_t first, const float *x, size_t x_stride, int n,
    float32x4_t (*sums)[COLUMNS][2]) {
    for (size_t k = first; k < first + RUN; k++) {
        UNROLL for (size_t part = 0; part < PARTS; part++) {
            float32x4_t w[2];
            values(kind, panel, k + part * RUN, w);
            UNROLL for (int c = 0; c < n; c++)
                add_value(w, x[(size_t)c * x_stride + k + part * RUN], sums[part][c]);
        }
    }
}

INLINE void panel_times_columns(
    apus_panel_kind kind, const uint8_t *panel, size_t k, const float *x, size_t x_stride, int n, float *out,
    size_t out_stride) {
    float32x4_t sums[PARTS][COLUMNS][2];
    UNROLL for (int i = 0; i < PARTS * n * 2; i++) sums[i / (n * 2)][i / 2 % n][i % 2] = vdupq_n_f32(0);
    size_t at = 0;
    for (; n <= 2 && at + PARTS * RUN <= k; at += PARTS * RUN)
        add_four_runs(kind, panel, at, x, x_stride, n, sums);
    for (; at < k; at += RUN)
        add_run(kind, panel, at, k - at < RUN ? k : at + RUN, x, x_stride, n, sums[at / RUN % PARTS]);
    UNROLL for (int c = 0; c < n; c++) {
        UNROLL for (int r = 0; r < 2; r++) {
            const float32x4_t sum =
                vaddq_f32(vaddq_f32(sums[0][c][r], sums[1][c][r]), vaddq_f32(sums[2][c][r], sums[3][c][r]));
            vst1q_f32(out + (size_t)c * out_stride + r * 4, sum);
        }
    }
}

INLINE void panels_of_kind(
    apus_panel_kind kind, const uint8_t *panel, size_t panels, size_t k, const float *x, size_t x_stride,
    size_t count, float *out, size_t out_stride) {
    const size_t panel_bytes = apus_panel_bytes(kind, k);
    for (size_t p = 0; p < panels; p++, panel += panel_bytes) {
        const float *column = x;
        float *to = out + p * APUS_PANEL_ROWS;
        for (size_t left = count, n; left; left -= n, column += n * x_stride, to += n * out_stride) {
            n = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
            switch (n) {
            case 8: panel_times_columns(kind, panel, k, column, x_stride, 8, to, out_stride); break;
            case 4: panel_times_columns(kind, panel, k, column, x_stride, 4, to, out_stride); break;
            case 2: panel_times_columns(kind, panel, k, column, x_stride, 2, to, out_stride); break;
            default: panel_times_columns(kind, panel, k, column, x_stride, 1, to, out_stride); break;
            }
        }
    }
}

void apus_neon_matmul_float(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const float *x, size_t x_stride,
    size_t count, float *out, size_t out_stride) {
#define KIND(KIND) panels_of_kind(APUS_PANEL_##KIND, panel, panels, k, x, x_stride, count, out, out_stride)
    switch (kind) {
    case APUS_PANEL_F32: KIND(F32); break;
    case APUS_PANEL_BF16: KIND(BF16); break;
    default: KIND(F16); break;
    }
#undef KIND
}
#endif
