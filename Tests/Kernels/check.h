#ifndef CHECK_H
#define CHECK_H
#include "CKernels.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// What the cases of the kernel check share: random numbers, memory that notices who oversteps it, and the
// comparison of a set of kernels with the portable one.

/// Random bits, the same in every run on every machine (SplitMix64).
uint64_t random_bits(void);
/// In low ... high.
float random_float(float low, float high);
void fill_random(float *x, size_t n, float low, float high);

/// Memory that ends where a page ends that nobody may touch. It lives until `release_all`.
void *take(size_t bytes);
float *take_floats(size_t n);
void *take_copy(const void *from, size_t bytes);
void release_all(void);

/// Sets that are compared with the portable one: those of this CPU but that one.
enum { SETS_MAX = 8 };
extern size_t set_count;
extern const apus_kernels *sets[SETS_MAX];

/// Fills an output buffer with a pattern that no result has: who does not write is found, and who writes too
/// much.
void fill_untouched(void *out, size_t bytes);

/// Says which case runs, as in printf: only a mismatch or a crash prints it.
void describe(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// From here on a crash names its case.
void name_crashes(void);

/// Takes the portable result of the described case into the digest of this run.
void add_to_digest(const void *reference, size_t bytes);
uint64_t digest(void);

/// Ends the program with the case's description unless the results of sets[set] are the portable ones, bit
/// for bit. `what` names the function.
void expect_same(size_t set, const char *what, const void *reference, const void *found, size_t bytes);
/// The same for `rows` rows of `n` floats, `stride` apart; what stands between them must be untouched.
void expect_same_rows(
    size_t set, const char *what, const float *reference, const float *found, size_t rows, size_t n,
    size_t stride);
/// One more case that a set has passed.
void passed(size_t set);
/// The cases that a set has passed since this was last asked.
size_t take_passed(size_t set);

void check_quantize(void);
void check_matmul_quantized(void);
void check_matmul_float(void);
void check_vectors(void);
void check_attention(void);
void check_logits(void);

#endif
