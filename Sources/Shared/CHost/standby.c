// A program that was executed ahead of need: it waits for the powers of one child, takes them on in place of an exec,
// and goes on as that child. Nothing of what it hears is looked at unless it comes from the parent's own socket, and
// nothing but this runs in the process until it has become somebody.
#define _GNU_SOURCE
#include "chost.h"
#include "become.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAGIC 0x494e4642u
#define ROOM (128 * 1024)
#define MAX_FDS (3 + CHOST_MAX_DESCRIPTORS + 1)

// What is sent, followed by the limits, the groups, the filter, and the strings (path, directory, environment), each
// ended by a zero. Both ends are the same file, so the layout is only checked for having arrived whole.
struct head {
    uint32_t magic, size;
    pid_t parent;
    unsigned file_mask;
    int drop_capabilities, set_ids, parent_death_signal, no_new_privs;
    uid_t uid;
    gid_t gid;
    int fd_count, has_landlock, limit_count, group_count, seccomp_count, has_directory, variable_count, unused;
};
_Static_assert(sizeof(struct head) % 8 == 0, "what follows is aligned");

struct text {
    char *bytes;
    size_t used;
    int full;
};

static void add(struct text *t, const void *bytes, size_t count)
{
    if (ROOM - t->used < count) {
        t->full = 1;
        return;
    }
    if (count) memcpy(t->bytes + t->used, bytes, count);
    t->used += count;
}

int chost_hand_over(int socket, const struct chost_spawn *o, int milliseconds, int *stage)
{
    *stage = CHOST_STAGE_CLONE;
    if (o->fd_count < 0 || o->fd_count > CHOST_MAX_DESCRIPTORS) return -E2BIG;
    // There is no exec that could pass arguments on.
    if (o->argv[0] && o->argv[1]) return -ENOTSUP;
    struct text t = {malloc(ROOM), 0, 0};
    if (!t.bytes) return -ENOMEM;
    struct head h = {
        .magic = MAGIC, .parent = getpid(), .file_mask = o->file_mask, .drop_capabilities = o->drop_capabilities,
        .set_ids = o->set_ids, .parent_death_signal = o->parent_death_signal, .no_new_privs = o->no_new_privs,
        .uid = o->uid, .gid = o->gid, .fd_count = o->fd_count, .has_landlock = o->landlock_fd >= 0,
        .limit_count = o->limit_count, .group_count = o->set_ids ? o->group_count : 0,
        .seccomp_count = o->seccomp ? o->seccomp_count : 0, .has_directory = o->directory != NULL,
    };
    while (o->envp[h.variable_count]) h.variable_count++;
    add(&t, &h, sizeof h);
    add(&t, o->limits, (size_t)h.limit_count * sizeof *o->limits);
    add(&t, o->seccomp, (size_t)h.seccomp_count * sizeof *o->seccomp);
    add(&t, o->groups, (size_t)h.group_count * sizeof *o->groups);
    add(&t, o->path, strlen(o->path) + 1);
    if (o->directory) add(&t, o->directory, strlen(o->directory) + 1);
    for (int i = 0; i < h.variable_count; i++) add(&t, o->envp[i], strlen(o->envp[i]) + 1);
    h.size = (uint32_t)t.used;
    memcpy(t.bytes, &h, sizeof h);

    int fds[MAX_FDS], count = 0;
    for (int i = 0; i < 3; i++) fds[count++] = o->stdio[i];
    for (int i = 0; i < o->fd_count; i++) fds[count++] = o->fds[i];
    if (h.has_landlock) fds[count++] = o->landlock_fd;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof fds)];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = {t.bytes, t.used};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
        .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, (size_t)count * sizeof(int));
    ssize_t n = t.full ? -1 : sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    int error = t.full ? E2BIG : errno;
    free(t.bytes);
    if (n < 0) return -error;

    // It says that it is done, or where it failed. An end that says neither is one that died before it heard of this.
    struct chost_failure f = {0, 0};
    struct pollfd ready = {socket, POLLIN, 0};
    int polled;
    do polled = poll(&ready, 1, milliseconds);
    while (polled < 0 && errno == EINTR);
    if (polled <= 0) return -ETIMEDOUT;
    n = recv(socket, &f, sizeof f, MSG_DONTWAIT);
    if (n != (ssize_t)sizeof f) return n < 0 ? -errno : -ECONNRESET;
    *stage = f.stage;
    return -f.error;
}

// Where the kernel looks for this process's title, as it was started.
static char *title;
static size_t title_room;

__attribute__((constructor)) static void remember_title(int count, char **words)
{
    if (count < 1 || !words[0]) return;
    title = words[0];
    title_room = strlen(title) + 1;
}

static void rename_process(const char *path)
{
    const char *slash = strrchr(path, '/');
    prctl(PR_SET_NAME, slash ? slash + 1 : path, 0, 0, 0);
    if (!title || !title_room) return;
    memset(title, 0, title_room);
    strncpy(title, path, title_room - 1);
}

// Only one thread would be confined.
static int is_alone(void)
{
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return 0;
    int count = 0;
    for (struct dirent *e; (e = readdir(tasks));) count += e->d_name[0] != '.';
    closedir(tasks);
    return count == 1;
}

static char *take(char **at, const char *end)
{
    char *start = *at, *zero = memchr(start, 0, (size_t)(end - start));
    if (!zero) return NULL;
    *at = zero + 1;
    return start;
}

const char *chost_await(int socket)
{
    static _Alignas(16) char bytes[ROOM];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
    } control;
    struct iovec iov = {bytes, sizeof bytes - 1};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n;
    do n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    // The parent is gone, or needs nobody any more.
    if (n <= 0) _exit(0);
    int fds[MAX_FDS], count = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
    }
    struct head h;
    errno = EPROTO;
    if ((size_t)n < sizeof h) chost_fail(socket, CHOST_STAGE_CLONE);
    memcpy(&h, bytes, sizeof h);
    char *at = bytes + sizeof h, *end = bytes + n;
    size_t tables = (size_t)h.limit_count * sizeof(struct chost_limit) + (size_t)h.seccomp_count * 8 +
                    (size_t)h.group_count * sizeof(gid_t);
    if (h.magic != MAGIC || h.size != (size_t)n || count != 3 + h.fd_count + h.has_landlock ||
        (size_t)(end - at) < tables)
        chost_fail(socket, CHOST_STAGE_CLONE);
    struct chost_spawn o = {
        .file_mask = h.file_mask, .drop_capabilities = h.drop_capabilities, .set_ids = h.set_ids,
        .uid = h.uid, .gid = h.gid, .parent_death_signal = h.parent_death_signal, .no_new_privs = h.no_new_privs,
        .fd_count = h.fd_count, .fds = fds + 3, .landlock_fd = h.has_landlock ? fds[3 + h.fd_count] : -1,
        .limit_count = h.limit_count, .group_count = h.group_count,
        .seccomp_count = (unsigned short)h.seccomp_count,
    };
    memcpy(o.stdio, fds, sizeof o.stdio);
    o.limits = (const struct chost_limit *)at;
    at += (size_t)h.limit_count * sizeof(struct chost_limit);
    if (h.seccomp_count) o.seccomp = (const uint64_t *)at;
    at += (size_t)h.seccomp_count * 8;
    o.groups = (const gid_t *)at;
    at += (size_t)h.group_count * sizeof(gid_t);
    o.path = take(&at, end);
    if (h.has_directory) o.directory = take(&at, end);
    if (!o.path || (h.has_directory && !o.directory)) chost_fail(socket, CHOST_STAGE_CLONE);
    clearenv();
    for (int i = 0; i < h.variable_count; i++) {
        char *variable = take(&at, end);
        if (!variable || putenv(variable)) chost_fail(socket, CHOST_STAGE_CLONE);
        if (strncmp(variable, "LISTEN_PID=", 11) == 0) o.pid_slot = variable + 11;
    }
    errno = EBUSY;
    if (!is_alone()) chost_fail(socket, CHOST_STAGE_CLONE);
    rename_process(o.path);
    chost_confine(&o, h.parent, &socket, 1);
    struct chost_failure none = {0, 0};
    if (write(socket, &none, sizeof none) != (ssize_t)sizeof none) _exit(126);
    close(socket);
    return o.path;
}
