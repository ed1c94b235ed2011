#include "matmul.h"
#include "panel_kinds.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)

// vpdpbusd multiplies four unsigned codes of weights with four signed codes of activations and adds them to a lane of
// 32 bits: nothing can overflow, and 8-bit codes cost what 4-bit codes do. Two panels go together, 16 rows in the 16
// lanes of a register; a group's codes are unpacked into eight registers and multiplied with up to sixteen
// columns, whose activations are broadcast by the instruction that multiplies.
//
// An offset is taken off by what the sums begin with: minus the offset times the sum of the activations.

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

// Columns that are multiplied together. Sixteen fill the registers; eight leave their activations in the first-level
// cache, which is better unless unpacking a group costs much.
enum { TOGETHER = 16, FEWER = 8 };

// Where two panels are read; for one alone both are the same.
typedef struct { const uint8_t *at[2]; } panel_pair;

// One group of both panels.
typedef struct {
    __m512i codes[8], low[8]; // low: of I16, whose codes are the upper halves
    __m512 scale, min, half_scales[2]; // half_scales: of Q6_K
} group;

typedef struct { __m512 d, m; } super_scales;

INLINE __m512i load(const panel_pair *p, size_t offset) {
    const __m256i first = _mm256_loadu_si256((const __m256i *)(p->at[0] + offset));
    return _mm512_inserti64x4(
        _mm512_castsi256_si512(first), _mm256_loadu_si256((const __m256i *)(p->at[1] + offset)), 1);
}
INLINE __m256i load_halves(const panel_pair *p, size_t offset) {
    const __m128i first = _mm_loadu_si128((const __m128i *)(p->at[0] + offset));
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(first), _mm_loadu_si128((const __m128i *)(p->at[1] + offset)), 1);
}
INLINE __m512 load_f16(const panel_pair *p, size_t offset) { return _mm512_cvtph_ps(load_halves(p, offset)); }
INLINE __m512 load_u8(const panel_pair *p, size_t offset) {
    const __m128i first = _mm_loadl_epi64((const __m128i *)(p->at[0] + offset));
    const __m128i second = _mm_loadl_epi64((const __m128i *)(p->at[1] + offset));
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_unpacklo_epi64(first, second)));
}
INLINE __m512i broadcast_32(const void *p) {
    int32_t word;
    memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
}
INLINE void advance(panel_pair *p, size_t bytes) { p->at[0] += bytes, p->at[1] += bytes; }

// a | (b & c)
INLINE __m512i or_and(__m512i a, __m512i b, __m512i c) { return _mm512_ternarylogic_epi32(a, b, c, 0xf8); }

INLINE void read_nibbles(const panel_pair *p, __m512i *codes) {
    const __m512i low = _mm512_set1_epi8(15);
    UNROLL for (size_t j = 0; j < 4; j++) {
        const __m512i packed = load(p, j * 32);
        codes[j] = _mm512_and_si512(packed, low);
        codes[j + 4] = _mm512_and_si512(_mm512_srli_epi16(packed, 4), low);
    }
}

INLINE void add_fifth_bits(__m512i fifth, __m512i *codes) {
    const __m512i sixteen = _mm512_set1_epi8(16);
    UNROLL for (unsigned j = 0; j < 8; j++) {
        const __m512i moved = j < 4 ? _mm512_slli_epi16(fifth, 4 - j) : _mm512_srli_epi16(fifth, j - 4);
        codes[j] = or_and(codes[j], moved, sixteen);
    }
}

INLINE void add_bit_pairs(const __m512i *pairs, __m512i *codes) {
    const __m512i upper = _mm512_set1_epi8(0x30);
    UNROLL for (int j = 0; j < 8; j++) {
        const __m512i all = pairs[j / 4];
        const __m512i moved = j % 4 == 0   ? _mm512_slli_epi16(all, 4)
                              : j % 4 == 1 ? _mm512_slli_epi16(all, 2)
                              : j % 4 == 2 ? all
                                           : _mm512_srli_epi16(all, 2);
        codes[j] = or_and(codes[j], moved, upper);
    }
}

INLINE void read_half_scales(const panel_pair *p, group *to) {
    const __m512i both = _mm512_cvtepi16_epi32(load_halves(p, 0)); // the scale of the first half in the low byte
    to->half_scales[0] = _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(both, 24), 24));
    to->half_scales[1] = _mm512_cvtepi32_ps(_mm512_srai_epi32(both, 8));
}

// Reads group g and moves on to the next one.
INLINE void read_group(apus_panel_kind kind, panel_pair *p, size_t g, super_scales *super, group *to) {
    if (is_super(kind) && g % 8 == 0) {
        super->d = load_f16(p, 0);
        super->m = load_f16(p, 16);
        advance(p, 32);
    }
    if (kind == APUS_PANEL_Q6_K) {
        to->scale = super->d;
        read_half_scales(p, to);
    } else if (is_super(kind)) {
        to->scale = _mm512_mul_ps(super->d, load_u8(p, 0));
        to->min = _mm512_xor_ps(_mm512_mul_ps(super->m, load_u8(p, 8)), _mm512_set1_ps(-0.0f));
    } else {
        to->scale = load_f16(p, 0);
    }
    advance(p, 16);
    if (has_min(kind) && !is_super(kind)) to->min = load_f16(p, 0), advance(p, 16);
    if (has_min(kind) && has_fifth(kind)) to->min = _mm512_fmadd_ps(_mm512_set1_ps(16), to->scale, to->min);
    if (kind == APUS_PANEL_Q8_0 || kind == APUS_PANEL_I16) {
        UNROLL for (size_t j = 0; j < 8; j++) to->codes[j] = load(p, j * 32);
        advance(p, 256);
        if (kind == APUS_PANEL_Q8_0) return;
        UNROLL for (size_t j = 0; j < 8; j++) to->low[j] = load(p, j * 32);
        advance(p, 256);
        return;
    }
    const panel_pair extra = *p;
    advance(p, has_fifth(kind) ? 32 : kind == APUS_PANEL_Q6_K ? 64 : 0);
    read_nibbles(p, to->codes);
    if (has_fifth(kind)) add_fifth_bits(load(&extra, 0), to->codes);
    if (kind == APUS_PANEL_Q6_K) {
        const __m512i pairs[2] = {load(&extra, 0), load(&extra, 32)};
        add_bit_pairs(pairs, to->codes);
    }
    advance(p, 128);
}

// 2^bits times minus the sum of a column's codes, in every lane.
INLINE __m512i beginning(const int32_t *sum, int bits) {
    return bits ? _mm512_slli_epi32(_mm512_set1_epi32(*sum), (unsigned)bits) : _mm512_setzero_si512();
}

INLINE __m512 accumulate(apus_panel_kind kind, const group *w, const apus_activations *x, __m512 acc) {
    __m512 dot;
    if (kind == APUS_PANEL_Q6_K) {
        __m512i halves[2] = {beginning(&x->halves[0], 5), beginning(&x->halves[1], 5)};
        UNROLL for (int j = 0; j < 8; j++)
            halves[j / 4] = _mm512_dpbusd_epi32(halves[j / 4], w->codes[j], broadcast_32(x->codes + j * 4));
        // Whole numbers below 2^24: 32 * 127 * 16 * 128 * 2.
        dot = _mm512_mul_ps(_mm512_cvtepi32_ps(halves[1]), w->half_scales[1]);
        dot = _mm512_fmadd_ps(_mm512_cvtepi32_ps(halves[0]), w->half_scales[0], dot);
    } else {
        __m512i sum = beginning(&x->whole, offset_bits(kind)), low = _mm512_setzero_si512();
        UNROLL for (int j = 0; j < 8; j++) {
            const __m512i b = broadcast_32(x->codes + j * 4);
            sum = _mm512_dpbusd_epi32(sum, w->codes[j], b);
            if (kind == APUS_PANEL_I16) low = _mm512_dpbusd_epi32(low, w->low[j], b);
        }
        if (kind == APUS_PANEL_I16) sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 8), low);
        dot = _mm512_cvtepi32_ps(sum);
    }
    acc = _mm512_fmadd_ps(dot, _mm512_mul_ps(w->scale, _mm512_set1_ps(x->scale)), acc);
    return has_min(kind) ? _mm512_fmadd_ps(w->min, _mm512_set1_ps(x->sum), acc) : acc;
}

// Asks for what stands `ahead` bytes after the bytes from ... p of both panels. The processor's own prefetching reads
// on beyond the end of a panel, into the other one, which is there already; so two streams come at three quarters
// of the speed of one, unless the pair that comes next is asked for in good time (measured).
INLINE void prefetch(const panel_pair *from, const panel_pair *p, size_t ahead) {
    for (size_t i = 0; from->at[0] + i < p->at[0]; i += 64) {
        _mm_prefetch((const char *)(from->at[0] + ahead + i), _MM_HINT_T1);
        _mm_prefetch((const char *)(from->at[1] + ahead + i), _MM_HINT_T1);
    }
}

// Two panels, or one, times np physical columns: each group is multiplied as it is read.
//
// `ahead`: how far away the panels are that will be read next; 0 when these are read again.
INLINE void pair_times_columns(
    apus_panel_kind kind, panel_pair pair, int panels, size_t ahead, const apus_activations *x, size_t groups, int np,
    int planes, float *out, size_t out_stride) {
    const size_t stride = apus_column_stride(groups);
    __m512 acc[TOGETHER];
    super_scales super;
    UNROLL for (int c = 0; c < np; c++) acc[c] = _mm512_setzero_ps();
    for (size_t g = 0; g < groups; g++, x++) {
        const panel_pair from = pair;
        group w;
        read_group(kind, &pair, g, &super, &w);
        if (ahead) prefetch(&from, &pair, ahead);
        UNROLL for (int c = 0; c < np; c++) acc[c] = accumulate(kind, &w, x + (size_t)c * stride, acc[c]);
    }
    const __mmask16 rows = panels == 2 ? 0xffff : 0xff;
    if (planes == 2) {
        UNROLL for (int c = 0; c + 1 < np; c += 2)
            _mm512_mask_storeu_ps(out + (size_t)(c / 2) * out_stride, rows, _mm512_add_ps(acc[c], acc[c + 1]));
    } else {
        UNROLL for (int c = 0; c < np; c++) _mm512_mask_storeu_ps(out + (size_t)c * out_stride, rows, acc[c]);
    }
}

#define TIMES(KIND, N) \
    case N: pair_times_columns(APUS_PANEL_##KIND, pair, panels, ahead, x, groups, N, planes, out, out_stride); break;
#define KIND(KIND)                                                                                                \
    static __attribute__((noinline)) void times_##KIND(                                                           \
        panel_pair pair, int panels, size_t ahead, const apus_activations *x, size_t groups, size_t np,           \
        int planes, float *out, size_t out_stride) {                                                              \
        switch (np) { TIMES(KIND, 1) TIMES(KIND, 2) TIMES(KIND, 4) TIMES(KIND, 8) TIMES(KIND, 16) }               \
    }
KIND(Q4_0)
KIND(Q4_1)
KIND(Q5_0)
KIND(Q5_1)
KIND(Q8_0)
KIND(Q4_K)
KIND(Q5_K)
KIND(Q6_K)
KIND(I16)

typedef void pair_function(
    panel_pair, int, size_t, const apus_activations *, size_t, size_t, int, float *, size_t);

static const struct {
    pair_function *times;
    size_t together;
} products[] = {
    [APUS_PANEL_Q4_0] = {times_Q4_0, FEWER}, [APUS_PANEL_Q4_1] = {times_Q4_1, FEWER},
    [APUS_PANEL_Q5_0] = {times_Q5_0, FEWER}, [APUS_PANEL_Q5_1] = {times_Q5_1, TOGETHER},
    [APUS_PANEL_Q8_0] = {times_Q8_0, FEWER}, [APUS_PANEL_Q4_K] = {times_Q4_K, FEWER},
    [APUS_PANEL_Q5_K] = {times_Q5_K, TOGETHER}, [APUS_PANEL_Q6_K] = {times_Q6_K, TOGETHER},
    [APUS_PANEL_I16] = {times_I16, FEWER},
};

// The next columns of those that are left: a size that the functions above have, at most `most`.
INLINE size_t next_size(size_t left, size_t most) {
    return left >= most ? most : left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

void apus_avx512_matmul_quantized(
    apus_panel_kind kind, const void *panel, size_t panels, size_t k, const apus_activations *x, int planes,
    size_t first_column, size_t count, float *out, size_t out_stride) {
    // Memory bounds the products with one or two columns, and reads one panel after the other fastest.
    if (count * (size_t)planes <= 2) {
        apus_avx2_matmul_quantized(kind, panel, panels, k, x, planes, first_column, count, out, out_stride);
        return;
    }
    const size_t panel_bytes = apus_panel_bytes(kind, k), groups = k / APUS_GROUP, stride = apus_column_stride(groups);
    const uint8_t *at = panel;
    for (size_t p = 0; p < panels; p += 2, at += 2 * panel_bytes, out += 2 * APUS_PANEL_ROWS) {
        const int taken = panels - p == 1 ? 1 : 2;
        const panel_pair pair = {{at, taken == 2 ? at + panel_bytes : at}};
        const apus_activations *here = x + first_column * (size_t)planes * stride;
        size_t ahead = 2 * panel_bytes;
        float *to = out;
        for (size_t left = count * (size_t)planes; left; ahead = 0) {
            const size_t np = next_size(left, products[kind].together);
            products[kind].times(pair, taken, ahead, here, groups, np, planes, to, out_stride);
            left -= np, here += np * stride, to += np / (size_t)planes * out_stride;
        }
    }
}

#pragma clang attribute pop
#endif
