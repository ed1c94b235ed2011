#ifndef APUS_CLINUX_SOCKETS_H
#define APUS_CLINUX_SOCKETS_H
#include <stddef.h>
#include <stdint.h>

// epoll(7), eventfd(2), timerfd_create(2), accept4(2) and getrandom(2). All descriptors are CLOEXEC and non-blocking.
// Unless said otherwise a negative result is -errno.

// Readiness bits, as epoll has them.
extern const uint32_t apus_epoll_in;
extern const uint32_t apus_epoll_out;
extern const uint32_t apus_epoll_rdhup;
extern const uint32_t apus_epoll_hup;
extern const uint32_t apus_epoll_err;

// struct epoll_event without its packing.
struct apus_epoll_event {
    uint64_t data;
    uint32_t events;
};

int apus_epoll_create(void);
int apus_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);
int apus_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data);
int apus_epoll_remove(int epoll, int fd);
// Waits so long for a first event. Fills at most `capacity` (and 256) events and returns their count.
int apus_epoll_wait(int epoll, struct apus_epoll_event *events, int capacity, int milliseconds);

int apus_eventfd_create(void);
// Makes the descriptor readable.
void apus_eventfd_signal(int fd);
// Makes the descriptor, or a timerfd, unreadable again.
void apus_eventfd_clear(int fd);

// On CLOCK_MONOTONIC.
int apus_timerfd_create(void);
// Readable from `deadline` (absolute, ns) on; 0 disarms.
int apus_timerfd_set(int fd, uint64_t deadline);

// Takes one connection of a listening socket.
int apus_accept(int listener);

// Who connected a unix socket (SO_PEERCRED); 0 when it is known.
int apus_peer_credentials(int socket, uint32_t *pid, uint32_t *uid);

// Descriptors that one message may carry (SCM_MAX_FD).
enum { apus_descriptors_max = 253 };

// Sends one message with descriptors (SCM_RIGHTS) on a unix socket. The bytes sent.
int apus_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count);
// Receives one message, at most `capacity` bytes, and up to apus_descriptors_max descriptors with it; a longer one is
// -EMSGSIZE. The bytes received; 0 at the end.
int apus_receive_descriptors(int socket, void *bytes, size_t capacity, int *descriptors, int *descriptor_count);

// Fills `count` (at most 256) bytes.
int apus_random(void *bytes, size_t count);

#endif
