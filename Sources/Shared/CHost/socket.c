// Ancillary data of Unix sockets and the kernel's word on who is at the other end, which Swift cannot spell.
// It must never keep a descriptor that the caller did not get to see.
#define _GNU_SOURCE
#include "chost.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int chost_eventfd(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int chost_sealed_file(const char *name, const void *bytes, size_t count)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -errno;
    for (size_t done = 0; done < count;) {
        ssize_t n = write(fd, (const char *)bytes + done, count - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) goto failed;
        done += (size_t)n;
    }
    if (lseek(fd, 0, SEEK_SET) < 0) goto failed;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)) goto failed;
    return fd;
failed:;
    int error = errno;
    close(fd);
    return -error;
}

ssize_t chost_send_fd(int socket, const void *bytes, size_t count, int fd)
{
    char control[CMSG_SPACE(sizeof fd)];
    memset(control, 0, sizeof control);
    struct iovec iov = {(void *)bytes, count};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    ssize_t n;
    do n = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t chost_send_fds(int socket, const void *bytes, size_t count, const int *fds, int fd_count)
{
    if (fd_count < 1 || fd_count > CHOST_MAX_HANDED) return -EINVAL;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * CHOST_MAX_HANDED)];
    } control;
    memset(&control, 0, sizeof control);
    size_t size = sizeof(int) * (size_t)fd_count;
    struct iovec iov = {(void *)bytes, count};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), fds, size);
    ssize_t n;
    do n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

// Receives once; the first `most` descriptors are handed on in fds, and *count says how many came.
static ssize_t receive(int socket, void *bytes, size_t capacity, int flags, int *fds, int most, int *count,
                       struct ucred *from)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * CHOST_MAX_HANDED) + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec iov = {bytes, capacity};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n;
    do n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
    while (n < 0 && errno == EINTR);
    *count = 0;
    if (n < 0) return -errno;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
        if (h->cmsg_level != SOL_SOCKET) continue;
        if (h->cmsg_type == SCM_CREDENTIALS) memcpy(from, CMSG_DATA(h), sizeof *from);
        if (h->cmsg_type != SCM_RIGHTS) continue;
        int many = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < many; i++) {
            int one;
            memcpy(&one, CMSG_DATA(h) + (size_t)i * sizeof one, sizeof one);
            if (*count < most) fds[*count] = one;
            else close(one);
            (*count)++;
        }
    }
    if (message.msg_flags & MSG_CTRUNC) *count += 2;
    return n;
}

ssize_t chost_recv_fd(int socket, void *bytes, size_t capacity, int *fd)
{
    int count;
    struct ucred from = {0};
    *fd = -1;
    ssize_t n = receive(socket, bytes, capacity, 0, fd, 1, &count, &from);
    if (n >= 0 && count > 1) {
        if (*fd >= 0) close(*fd);
        *fd = -1;
        return -EMSGSIZE;
    }
    return n;
}

ssize_t chost_recv_notification(int socket, void *bytes, size_t capacity, pid_t *pid, uid_t *uid, int *fds, int most,
                                int *fd_count)
{
    struct ucred from = {0};
    for (int i = 0; i < most; i++) fds[i] = -1;
    ssize_t n = receive(socket, bytes, capacity, MSG_DONTWAIT, fds, most, fd_count, &from);
    *fd_count = 0;
    while (*fd_count < most && fds[*fd_count] >= 0) (*fd_count)++;
    *pid = from.pid;
    *uid = from.uid;
    return n;
}

int chost_pass_credentials(int socket)
{
    int on = 1;
    return setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) ? -errno : 0;
}

int chost_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size)) return -errno;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

const char *chost_errno_name(int error)
{
    const char *name = strerrorname_np(error);
    return name ? name : "";
}

const char *chost_signal_name(int signal)
{
    const char *name = sigabbrev_np(signal);
    return name ? name : "";
}
