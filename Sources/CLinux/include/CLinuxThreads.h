#ifndef APUS_CLINUX_THREADS_H
#define APUS_CLINUX_THREADS_H
#include <stddef.h>
#include <stdint.h>

/// Sleeps while *word == expected, until woken (futex(2), FUTEX_WAIT_PRIVATE). May return early.
void clinux_futex_wait(const uint32_t *word, uint32_t expected);
/// Wakes every sleeper on the word.
void clinux_futex_wake_all(const uint32_t *word);

/// CPUs that this process may run on (sched_getaffinity(2)); at least 1.
int clinux_cpu_count(void);
/// Binds the calling thread to the index-th of those CPUs. 0, or an errno.
int clinux_pin_thread(int index);
/// Names the calling thread; at most 15 bytes are kept.
void clinux_name_thread(const char *name);

/// A pointer of the calling thread's own; NULL before it is set.
void *clinux_thread_value(void);
void clinux_set_thread_value(void *value);

/// Tells the core that this is a spin loop.
static inline void clinux_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
