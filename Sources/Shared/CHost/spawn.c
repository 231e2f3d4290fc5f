// Starts one hardened child. Between clone and exec only raw system calls and memory that already exists are used:
// the parent has many threads, and any of them may hold the allocator's or a libc lock.
#define _GNU_SOURCE
#include "chost.h"
#include "become.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

_Noreturn void chost_fail(int pipe, int stage)
{
    struct chost_failure f = {stage, errno};
    ssize_t ignored = write(pipe, &f, sizeof f);
    (void)ignored;
    _exit(127);
}

static void write_decimal(char *slot, pid_t value)
{
    char digits[11];
    int n = 0;
    do digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (n > 0) *slot++ = digits[--n];
    *slot = 0;
}

// Every signal at its default, none blocked, except SIGPIPE, which services get ignored (as systemd has it).
static int reset_signals(void)
{
    // The kernel's form of it (handler, flags, restorer, mask): libc's refuses to touch the two signals it reserves.
    unsigned long action[4] = {0};
    for (int s = 1; s < 65; s++) {
        if (s == SIGKILL || s == SIGSTOP) continue;
        action[0] = (unsigned long)(s == SIGPIPE ? SIG_IGN : SIG_DFL);
        if (syscall(SYS_rt_sigaction, s, action, NULL, 8)) return -1;
    }
    sigset_t none;
    sigemptyset(&none);
    errno = pthread_sigmask(SIG_SETMASK, &none, NULL);
    return errno ? -1 : 0;
}

// Closes all from `first` on but two, or marks all close-on-exec when an exec will do it.
static int close_others(int first, int kept, int also, int in_place)
{
    if (!in_place) return (int)syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC);
    int low = kept < also ? kept : also, high = kept < also ? also : kept;
    if (low < first) low = high;
    if (low > first && syscall(SYS_close_range, first, low - 1, 0)) return -1;
    if (high > low + 1 && syscall(SYS_close_range, low + 1, high - 1, 0)) return -1;
    return (int)syscall(SYS_close_range, high + 1, ~0U, 0);
}

// Puts the descriptors at 0… in order; everything else goes. First lifts all of them above the places they go to, so
// that no placement overwrites one that is still needed. Returns the lifted error pipe.
static int place_descriptors(const struct chost_spawn *o, int pipe, int *landlock, int in_place)
{
    int total = 3 + o->fd_count, lifted[3 + CHOST_MAX_DESCRIPTORS];
    int high = fcntl(pipe, F_DUPFD_CLOEXEC, total);
    if (high < 0) return -1;
    for (int i = 0; i < total; i++) {
        lifted[i] = fcntl(i < 3 ? o->stdio[i] : o->fds[i - 3], F_DUPFD_CLOEXEC, total);
        if (lifted[i] < 0) return -1;
    }
    *landlock = -1;
    if (o->landlock_fd >= 0 && (*landlock = fcntl(o->landlock_fd, F_DUPFD_CLOEXEC, total)) < 0) return -1;
    for (int i = 0; i < total; i++)
        if (dup2(lifted[i], i) < 0) return -1;
    return close_others(total, high, *landlock, in_place) ? -1 : high;
}

static int drop_capabilities(void)
{
    for (int c = 0; c < 64; c++)
        if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0)) {
            if (errno == EINVAL) break;
            return -1;
        }
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

// What an exec would do to a process whose bounding set is empty.
static int give_up_capabilities(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    return (int)syscall(SYS_capset, &head, none);
}

void chost_confine(const struct chost_spawn *o, pid_t parent, int *pipe, int in_place)
{
    int landlock = -1;
    if (reset_signals()) chost_fail(*pipe, CHOST_STAGE_SIGNALS);
    int high = place_descriptors(o, *pipe, &landlock, in_place);
    if (high < 0) chost_fail(*pipe, CHOST_STAGE_DESCRIPTORS);
    *pipe = high;
    if (o->new_session && setsid() < 0) chost_fail(high, CHOST_STAGE_SESSION);
    umask(o->file_mask);
    for (int i = 0; i < o->limit_count; i++) {
        struct rlimit limit = {o->limits[i].value, o->limits[i].value};
        if (setrlimit(o->limits[i].resource, &limit)) chost_fail(high, CHOST_STAGE_LIMITS);
    }
    if (o->directory && chdir(o->directory)) chost_fail(high, CHOST_STAGE_DIRECTORY);
    if (o->drop_capabilities && drop_capabilities()) chost_fail(high, CHOST_STAGE_CAPABILITIES);
    if (o->set_ids) {
        // Raw calls: libc's would signal threads that exist only in the parent.
        if (syscall(SYS_setgroups, (long)o->group_count, o->groups)) chost_fail(high, CHOST_STAGE_GROUPS);
        if (syscall(SYS_setresgid, o->gid, o->gid, o->gid)) chost_fail(high, CHOST_STAGE_GID);
        if (syscall(SYS_setresuid, o->uid, o->uid, o->uid)) chost_fail(high, CHOST_STAGE_UID);
    }
    if (in_place && o->drop_capabilities && give_up_capabilities()) chost_fail(high, CHOST_STAGE_CAPABILITIES);
    if (o->parent_death_signal || in_place) {
        // After the change of user, which clears it. A parent that died before this line is seen by getppid.
        if (prctl(PR_SET_PDEATHSIG, o->parent_death_signal, 0, 0, 0)) chost_fail(high, CHOST_STAGE_PARENT_DEATH);
        if (getppid() != parent) _exit(126);
    }
    if (o->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) chost_fail(high, CHOST_STAGE_NO_NEW_PRIVS);
    if (o->pid_slot) write_decimal(o->pid_slot, getpid());
    if (landlock >= 0) {
        if (syscall(SYS_landlock_restrict_self, landlock, 0)) chost_fail(high, CHOST_STAGE_LANDLOCK);
        close(landlock);
    }
    if (o->seccomp) {
        struct sock_fprog program = {o->seccomp_count, (struct sock_filter *)o->seccomp};
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0)) chost_fail(high, CHOST_STAGE_SECCOMP);
    }
}

static _Noreturn void become(const struct chost_spawn *o, pid_t parent, int pipe)
{
    chost_confine(o, parent, &pipe, 0);
    execve(o->path, o->argv, o->envp);
    chost_fail(pipe, CHOST_STAGE_EXEC);
}

int chost_spawn(const struct chost_spawn *o, int *pidfd, int *stage)
{
    *pidfd = -1;
    *stage = CHOST_STAGE_CLONE;
    if (o->fd_count < 0 || o->fd_count > CHOST_MAX_DESCRIPTORS) return -E2BIG;
    int pipe[2], fd = -1;
    if (pipe2(pipe, O_CLOEXEC)) return -errno;
    struct clone_args args = {
        .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)&fd,
        .exit_signal = SIGCHLD,
    };
    // No handler of the parent may run in the child before its signals are reset.
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t parent = getpid();
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    // A seccomp filter cannot look into clone3's arguments, so sandboxes answer that it does not exist.
    if (pid < 0 && errno == ENOSYS) pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, NULL);
    if (pid == 0) become(o, parent, pipe[1]);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    close(pipe[1]);
    if (pid < 0) {
        close(pipe[0]);
        return -error;
    }
    struct chost_failure f = {0, 0};
    ssize_t n;
    do n = read(pipe[0], &f, sizeof f);
    while (n < 0 && errno == EINTR);
    close(pipe[0]);
    if (n == (ssize_t)sizeof f) {
        siginfo_t info;
        while (waitid(P_PIDFD, (id_t)fd, &info, WEXITED) < 0 && errno == EINTR) {}
        close(fd);
        *stage = f.stage;
        return -f.error;
    }
    *pidfd = fd;
    return pid;
}

int chost_pidfd_reap(int pidfd, int *code, int *status)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0) return -errno;
    *code = info.si_code;
    *status = info.si_status;
    return info.si_pid != 0;
}

int chost_pidfd_signal(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) ? -errno : 0;
}

void chost_name_thread(const char *name)
{
    prctl(PR_SET_NAME, name, 0, 0, 0);
}
