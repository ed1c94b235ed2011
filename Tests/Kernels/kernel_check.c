#include "check.h"
#include <stdio.h>
#include <string.h>

// Compares every set of kernels that this CPU runs with the portable one, bit for bit, on fixed random inputs
// and extreme ones, and ends at the first difference, non-zero, with the case named.
//
//   kernel_check [SET...]    with sets: this CPU must have exactly these, in this order, the best one first
//
// The digest at the end is of the portable results: it is the same wherever products and sums are fused.

static int has_expected_sets(int count, char **names) {
    for (int i = 0; i <= count; i++) {
        const apus_kernels *set = apus_kernels_at((size_t)i);
        const char *found = set ? set->name : "none", *expected = i < count ? names[i] : "none";
        if (strcmp(found, expected) == 0) continue;
        printf("This CPU's set %d of kernels is %s and not %s.\n", i + 1, found, expected);
        return 0;
    }
    return 1;
}

static void choose_sets(void) {
    for (size_t i = 0; apus_kernels_at(i); i++) {
        const apus_kernels *set = apus_kernels_at(i);
        if (apus_kernels_named(set->name) != set || (i == 0 && apus_kernels_best() != set) ||
            set_count == SETS_MAX) {
            printf("The set %s is not found by its name or place.\n", set->name);
            exit(1);
        }
        if (set != apus_kernels_portable()) sets[set_count++] = set;
    }
}

// The bounds of the machine are measured with this CPU's instructions too: they run, and read every byte.
static int roofline_works(void) {
    enum { WORDS = 1024 };
    uint64_t *memory = take(WORDS * sizeof(uint64_t)), expected = 0;
    for (size_t i = 0; i < WORDS; i++) expected ^= memory[i] = random_bits();
    (void)apus_roofline_multiply(4);
    const int same = apus_roofline_read(memory, WORDS * sizeof(uint64_t)) == expected;
    if (!same) printf("The roofline's reader leaves bytes out.\n");
    return same;
}

static const struct {
    const char *name;
    void (*check)(void);
} subjects[] = {
    {"quantize", check_quantize},         {"matmul_quantized", check_matmul_quantized},
    {"matmul_float", check_matmul_float}, {"vectors", check_vectors},
    {"attention", check_attention},       {"logits", check_logits},
};
enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

int main(int count, char **arguments) {
    if (count > 1 && !has_expected_sets(count - 1, arguments + 1)) return 1;
    choose_sets();
    name_crashes();
    size_t counts[SUBJECTS][SETS_MAX];
    for (size_t i = 0; i < SUBJECTS; i++) {
        subjects[i].check();
        for (size_t set = 0; set < set_count; set++) counts[i][set] = take_passed(set);
    }
    for (size_t set = 0; set < set_count; set++) {
        printf("%s: the portable kernels' bits in", sets[set]->name);
        for (size_t i = 0; i < SUBJECTS; i++)
            printf("%s %zu cases of %s", i ? "," : "", counts[i][set], subjects[i].name);
        printf("\n");
    }
    if (!roofline_works()) return 1;
    printf("digest %016llx\n", (unsigned long long)digest());
    return 0;
}
