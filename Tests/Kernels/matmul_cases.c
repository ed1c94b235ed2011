#include "check.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// Where the source blocks of a format have scales, f16 each; MXFP4 has one exponent, in a byte. F16 and BF16
// are taken 32 at a time.
typedef struct {
    uint32_t ggml_type;
    const char *name;
    size_t elements, bytes, scale_count;
    size_t scales[2]; // at these bytes
} format;

static const format formats[] = {
    {0, "F32", 32, 128, 0, {0}},
    {1, "F16", 32, 64, 0, {0}},         {2, "Q4_0", 32, 18, 1, {0}},      {3, "Q4_1", 32, 20, 2, {0, 2}},
    {6, "Q5_0", 32, 22, 1, {0}},        {7, "Q5_1", 32, 24, 2, {0, 2}},   {8, "Q8_0", 32, 34, 1, {0}},
    {10, "Q2_K", 256, 84, 2, {80, 82}}, {11, "Q3_K", 256, 110, 1, {108}}, {12, "Q4_K", 256, 144, 2, {0, 2}},
    {13, "Q5_K", 256, 176, 2, {0, 2}},  {14, "Q6_K", 256, 210, 1, {208}}, {20, "IQ4_NL", 32, 18, 1, {0}},
    {23, "IQ4_XS", 256, 136, 1, {0}},   {30, "BF16", 32, 64, 0, {0}},     {39, "MXFP4", 32, 17, 1, {0}},
};
enum { FORMATS = sizeof formats / sizeof formats[0], TYPES = 64 };

// Column counts that meet every block size of the kernels and more than one run of columns.
static const size_t column_counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 70};
enum { COLUMN_COUNTS = sizeof column_counts / sizeof column_counts[0] };

// A scale between 2^-10 and 2^-2, of either sign, and at times a subnormal one.
static uint16_t random_f16(void) {
    const uint64_t bits = random_bits();
    const uint16_t exponent = bits % 16 == 0 ? 0 : (uint16_t)(5 + (bits >> 8) % 8);
    return (uint16_t)((bits >> 16 & 0x83ff) | exponent << 10);
}

// What every byte of a block is that is no scale.
typedef enum { RANDOM_CODES, CODES_00, CODES_7F, CODES_80, CODES_FF, CODE_FILLS } code_fill;
static const char *const code_names[CODE_FILLS] = {"random", "0", "0x7f", "0x80", "0xff"};
static const uint8_t code_bytes[CODE_FILLS] = {0, 0, 0x7f, 0x80, 0xff};

// F16 and BF16 have no scales; neither NaNs, whose signs are a CPU's own, nor infinities are left among them.
static void make_finite(const format *f, uint8_t *block) {
    const uint16_t exponent = f->ggml_type == 1 ? 0x7c00 : 0x7f80;
    for (size_t i = 0; i < f->bytes; i += 2) {
        uint16_t bits;
        memcpy(&bits, block + i, 2);
        if ((bits & exponent) == exponent) bits ^= 0x4000;
        memcpy(block + i, &bits, 2);
    }
}

static void fill_blocks(const format *f, code_fill codes, uint8_t *blocks, size_t count) {
    for (size_t b = 0; b < count; b++, blocks += f->bytes) {
        for (size_t i = 0; i < f->bytes; i++)
            blocks[i] = codes == RANDOM_CODES ? (uint8_t)random_bits() : code_bytes[codes];
        if (f->scale_count == 0) make_finite(f, blocks);
        for (size_t i = 0; i < f->scale_count; i++) {
            const uint16_t scale = random_f16();
            // MXFP4: 2^-9 to 2^6, and at times a scale that is subnormal in f32.
            if (f->ggml_type == 39) blocks[0] = (uint8_t)(scale % 16 ? 118 + scale % 16 : scale >> 15);
            else memcpy(blocks + f->scales[i], &scale, sizeof scale);
        }
    }
}

// Panels of rows of k weights; the last row of the last panel is missing.
static uint8_t *take_panels(const format *f, code_fill codes, size_t panels, size_t k) {
    const size_t panel_bytes = apus_panel_bytes(apus_panel_kind_of(f->ggml_type, k), k);
    const size_t row_bytes = k / f->elements * f->bytes;
    uint8_t *packed = take(panels * panel_bytes), *blocks = take(APUS_PANEL_ROWS * row_bytes);
    for (size_t p = 0; p < panels; p++) {
        fill_blocks(f, codes, blocks, APUS_PANEL_ROWS * (k / f->elements));
        const size_t rows = APUS_PANEL_ROWS - (p + 1 == panels);
        apus_pack_panel(f->ggml_type, blocks, row_bytes, rows, k, packed + p * panel_bytes);
    }
    return packed;
}

// What activations are made of: random ones, and those at the ends of what formats and floats can hold.
typedef enum { RANDOM, ONES, MINUS_ONES, ZEROS, TINY, SUBNORMAL, GIANT, TIES, MIXED, FILLS } fill;
static const char *const fill_names[FILLS] = {
    "random", "1", "-1", "zeros", "tiny", "subnormal", "giant", "ties", "of all sizes"};

static float *take_activations(fill with, size_t n) {
    float *x = take_floats(n);
    for (size_t i = 0; i < n; i++) {
        const float r = random_float(-1, 1);
        switch (with) {
        case ONES: x[i] = 1; break;
        case MINUS_ONES: x[i] = -1; break;
        case ZEROS: x[i] = i % 2 ? 0.0f : -0.0f; break;
        case TINY: x[i] = r * 1e-32f; break;
        case SUBNORMAL: x[i] = r * 4 * FLT_TRUE_MIN; break;
        case GIANT: x[i] = r * 1e26f; break; // products with BF16 stay finite
        case TIES: x[i] = i % APUS_GROUP ? rintf(r * 254) / 2 : 127; break; // halfway between two codes
        case MIXED: x[i] = ldexpf(r, (int)(random_bits() % 64) - 32); break;
        case RANDOM:
        case FILLS: x[i] = r; break;
        }
    }
    return x;
}

// Bytes of so many physical columns: nobody may read or write what would pad the last one.
static size_t activation_bytes(size_t physical_columns, size_t k) {
    const size_t groups = k / APUS_GROUP;
    return ((physical_columns - 1) * apus_column_stride(groups) + groups) * sizeof(apus_activations);
}

static void quantize_case(fill with, size_t k, int planes) {
    enum { COLUMNS = 5, FIRST = 2 };
    const size_t stride = k + 3, bytes = activation_bytes((FIRST + COLUMNS) * (size_t)planes, k);
    const float *x = take_activations(with, COLUMNS * stride - 3);
    apus_activations *reference = take(bytes), *found = take(bytes);
    describe("activations %s, k %zu, %d planes", fill_names[with], k, planes);
    // Columns before the first one, and what stands between columns, must stay as they were.
    fill_untouched(reference, bytes);
    apus_kernels_portable()->quantize(x, stride, COLUMNS, k, planes, FIRST, reference);
    add_to_digest(reference, bytes);
    for (size_t set = 0; set < set_count; set++) {
        fill_untouched(found, bytes);
        sets[set]->quantize(x, stride, COLUMNS, k, planes, FIRST, found);
        expect_same(set, "quantize", reference, found, bytes);
        passed(set);
    }
    release_all();
}

void check_quantize(void) {
    static const size_t widths[] = {32, 96, 576};
    for (int with = 0; with < FILLS; with++)
        for (size_t i = 0; i < 3; i++)
            for (int planes = 1; planes <= 2; planes++) quantize_case((fill)with, widths[i], planes);
}

// What a product is made of, but for its columns.
typedef struct {
    const char *name;
    apus_panel_kind kind;
    const uint8_t *packed;
    size_t panels, k;
    code_fill codes;
    fill with;
} problem;

static void multiply_case(const problem *p, const apus_activations *x, int planes, size_t columns) {
    enum { FIRST = 1 };
    const size_t rows = p->panels * APUS_PANEL_ROWS, stride = rows + 5, n = columns * stride - 5;
    float *reference = take_floats(n), *found = take_floats(n);
    describe(
        "%s, codes %s, activations %s, k %zu, %zu panels, %zu columns, %d planes", p->name,
        code_names[p->codes], fill_names[p->with], p->k, p->panels, columns, planes);
    memset(reference, 0, n * sizeof(float));
    apus_kernels_portable()->matmul_quantized(
        p->kind, p->packed, p->panels, p->k, x, planes, FIRST, columns, reference, stride);
    add_to_digest(reference, n * sizeof(float));
    for (size_t set = 0; set < set_count; set++) {
        fill_untouched(found, n * sizeof(float));
        sets[set]->matmul_quantized(
            p->kind, p->packed, p->panels, p->k, x, planes, FIRST, columns, found, stride);
        expect_same_rows(set, "matmul_quantized", reference, found, columns, rows, stride);
        passed(set);
    }
}

// One problem at some column counts, in both plane counts.
static void multiply_cases(
    const format *f, size_t k, size_t panels, code_fill codes, fill with, size_t counts) {
    const size_t columns = 1 + column_counts[counts - 1];
    const uint8_t *packed = take_panels(f, codes, panels, k);
    const problem p = {f->name, apus_panel_kind_of(f->ggml_type, k), packed, panels, k, codes, with};
    const float *x = take_activations(with, columns * k);
    for (int planes = 1; planes <= 2; planes++) {
        for (size_t i = 0; i < counts; i++) {
            const size_t used = 1 + column_counts[i];
            apus_activations *quantized = take(activation_bytes(used * (size_t)planes, k));
            apus_kernels_portable()->quantize(x, k, used, k, planes, 0, quantized);
            multiply_case(&p, quantized, planes, column_counts[i]);
        }
    }
    release_all();
}

static void check_format(const format *f) {
    // One group or super-block, several, and more than a tile of them.
    const size_t widths[] = {f->elements, f->elements == 32 ? 96 : 512, 1280};
    for (size_t i = 0; i < 3; i++) {
        multiply_cases(f, widths[i], 1, RANDOM_CODES, RANDOM, COLUMN_COUNTS);
        multiply_cases(f, widths[i], 3, RANDOM_CODES, RANDOM, COLUMN_COUNTS);
    }
    for (int with = 0; with < FILLS; with++)
        for (int codes = 0; codes < CODE_FILLS; codes++)
            multiply_cases(f, 256, codes == RANDOM_CODES ? 3 : 1, (code_fill)codes, (fill)with, 7);
}

void check_matmul_quantized(void) {
    for (uint32_t type = 0; type < TYPES; type++) {
        if (!apus_panel_is_quantized(apus_panel_kind_of(type, APUS_SUPER))) continue;
        const format *f = NULL;
        for (size_t i = 0; i < FORMATS; i++)
            if (formats[i].ggml_type == type) f = &formats[i];
        if (!f) {
            printf("The check does not know the blocks of type %u, for which there are panels.\n", type);
            exit(1);
        }
        check_format(f);
    }
}

// Values of a panel's kind, with zeros and subnormal ones among them.
static void fill_values(apus_panel_kind kind, uint8_t *panel, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const float value = i % 29 == 0 ? 0 : random_float(-1, 1);
        const uint16_t half = random_f16();
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        const uint16_t upper = (uint16_t)(bits >> 16);
        if (kind == APUS_PANEL_F32) memcpy(panel + i * 4, &value, 4);
        else memcpy(panel + i * 2, kind == APUS_PANEL_F16 ? &half : &upper, 2);
    }
}

static void float_case(const problem *p, size_t columns) {
    const size_t rows = p->panels * APUS_PANEL_ROWS, stride = rows + 5, n = columns * stride - 5;
    const size_t x_stride = p->k + 3;
    const float *x = take_activations(p->with, columns * x_stride - 3);
    float *reference = take_floats(n), *found = take_floats(n);
    describe(
        "%s, activations %s, k %zu, %zu panels, %zu columns", p->name, fill_names[p->with], p->k, p->panels,
        columns);
    memset(reference, 0, n * sizeof(float));
    apus_kernels_portable()->matmul_float(
        p->kind, p->packed, p->panels, p->k, x, x_stride, columns, reference, stride);
    add_to_digest(reference, n * sizeof(float));
    for (size_t set = 0; set < set_count; set++) {
        fill_untouched(found, n * sizeof(float));
        sets[set]->matmul_float(p->kind, p->packed, p->panels, p->k, x, x_stride, columns, found, stride);
        expect_same_rows(set, "matmul_float", reference, found, columns, rows, stride);
        passed(set);
    }
}

void check_matmul_float(void) {
    static const struct {
        apus_panel_kind kind;
        const char *name;
    } kinds[] = {{APUS_PANEL_F32, "F32"}, {APUS_PANEL_F16, "F16"}, {APUS_PANEL_BF16, "BF16"}};
    static const size_t widths[] = {1, 63, 64, 200, 256, 600};
    for (size_t i = 0; i < 3 * 6; i++) {
        const size_t k = widths[i % 6], panels = 3, bytes = panels * apus_panel_bytes(kinds[i / 6].kind, k);
        for (int with = 0; with < FILLS; with++) {
            uint8_t *packed = take(bytes);
            fill_values(kinds[i / 6].kind, packed, panels * APUS_PANEL_ROWS * k);
            const problem p = {
                kinds[i / 6].name, kinds[i / 6].kind, packed, panels, k, RANDOM_CODES, (fill)with};
            const size_t counts = with == RANDOM ? COLUMN_COUNTS : 7;
            for (size_t c = 0; c < counts; c++) float_case(&p, column_counts[c]);
            release_all();
        }
    }
}
