#define _GNU_SOURCE
#include "CLinuxSockets.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

const uint32_t apus_epoll_in = EPOLLIN;
const uint32_t apus_epoll_out = EPOLLOUT;
const uint32_t apus_epoll_rdhup = EPOLLRDHUP;
const uint32_t apus_epoll_hup = EPOLLHUP;
const uint32_t apus_epoll_err = EPOLLERR;

static int result(int value) { return value < 0 ? -errno : value; }

int apus_epoll_create(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return result(epoll_ctl(epoll, operation, fd, &event));
}

int apus_epoll_add(int epoll, int fd, uint32_t events, uint64_t data) {
    return control(epoll, EPOLL_CTL_ADD, fd, events, data);
}

int apus_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data) {
    return control(epoll, EPOLL_CTL_MOD, fd, events, data);
}

int apus_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int apus_epoll_wait(int epoll, struct apus_epoll_event *events, int capacity, int milliseconds) {
    struct epoll_event ready[256];
    int count = epoll_wait(epoll, ready, capacity < 256 ? capacity : 256, milliseconds);
    for (int i = 0; i < count; i++) {
        events[i].data = ready[i].data.u64;
        events[i].events = ready[i].events;
    }
    return result(count);
}

int apus_eventfd_create(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void apus_eventfd_signal(int fd) {
    uint64_t one = 1;
    // Fails only when the counter is full: then it is readable anyway.
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

void apus_eventfd_clear(int fd) {
    uint64_t count;
    ssize_t ignored = read(fd, &count, sizeof count);
    (void)ignored;
}

int apus_timerfd_create(void) {
    return result(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

int apus_timerfd_set(int fd, uint64_t deadline) {
    struct itimerspec at = {
        .it_value = {.tv_sec = (time_t)(deadline / 1000000000u), .tv_nsec = (long)(deadline % 1000000000u)}};
    return result(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL));
}

int apus_accept(int listener) { return result(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)); }

int apus_random(void *bytes, size_t count) { return result((int)getrandom(bytes, count, 0)); }

int apus_peer_credentials(int socket, uint32_t *pid, uint32_t *uid) {
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    int error = getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    if (error < 0 || size != sizeof credentials) return error < 0 ? -errno : -EINVAL;
    *pid = (uint32_t)credentials.pid;
    *uid = credentials.uid;
    return 0;
}

// Room for the control data of one message, aligned as it must be (cmsg(3)).
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(apus_descriptors_max * sizeof(int))];
};

int apus_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count) {
    if (descriptor_count < 1 || descriptor_count > apus_descriptors_max) return -EINVAL;
    size_t size = (size_t)descriptor_count * sizeof(int);
    union control control = {0};
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), descriptors, size);
    return result((int)sendmsg(socket, &message, MSG_NOSIGNAL));
}

int apus_receive_descriptors(int socket, void *bytes, size_t capacity, int *descriptors, int *descriptor_count) {
    *descriptor_count = 0;
    union control control = {0};
    struct iovec vector = {.iov_base = bytes, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    int count = (int)recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0) return -errno;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t size = header->cmsg_len - CMSG_LEN(0);
        int found = (int)(size / sizeof(int));
        if (*descriptor_count + found > apus_descriptors_max) found = apus_descriptors_max - *descriptor_count;
        memcpy(descriptors + *descriptor_count, CMSG_DATA(header), (size_t)found * sizeof(int));
        *descriptor_count += found;
    }
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        for (int i = 0; i < *descriptor_count; i++) close(descriptors[i]);
        *descriptor_count = 0;
        return -EMSGSIZE;
    }
    return count;
}
