// Tries from inside a sandbox what the row of its daemon forbids, one attempt a line: `name<TAB>errno or OK or signal`.
// It must never leave anything behind, and never try what would harm the machine where the attempt succeeds.
//
//   probe ARGUMENT...     prints to standard error, which alone is somebody's in every sandbox
//   ARGUMENT is read:PATH, write:FOLDER, exec-from:FOLDER, exec:PROGRAM, set-id:FOLDER, connect:PATH, signal:PID,
//   peek:PID, attach:PID, or `kernel` for all that needs no argument.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef STANDBY
#include "chost.h"
#endif
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static FILE *out;

static void tell(const char *name, const char *detail, int error)
{
    const char *word = error == 0 ? "OK" : error > 0 ? strerrorname_np(error) : sigabbrev_np(-error);
    char number[32];
    if (error < 0) snprintf(number, sizeof number, "SIG%s", word ? word : "?");
    else snprintf(number, sizeof number, "%d", error);
    if (!word || error < 0) word = number;
    fprintf(out, "%s%s%s\t%s\n", name, *detail ? ":" : "", detail, word);
    fflush(out);
}

// Runs an attempt in a child, so that one that is killed, or that gives up its rights, harms no other.
static void attempt(const char *name, const char *detail, int (*work)(const char *))
{
    pid_t child = fork();
    if (child < 0) return tell(name, detail, errno);
    if (child == 0) _exit(work(detail) & 0xff);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    tell(name, detail, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
}

#define TRY(call) ((call) < 0 ? errno : 0)

// Files and neighbours

static int read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd < 0 ? errno : 0;
}

static int write_folder(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/.infernet-probe-%d", folder, getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    unlink(path);
    return 0;
}

// Starts a program; what it then says or returns is its own business.
static int start(const char *path)
{
    int tell[2], error = 0;
    if (pipe2(tell, O_CLOEXEC)) return errno;
    pid_t child = fork();
    if (child < 0) return errno;
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++) dup2(null, fd);
        execl(path, path, "--version", (char *)NULL);
        error = errno;
        if (write(tell[1], &error, sizeof error) < 0) {}
        _exit(127);
    }
    close(tell[1]);
    if (read(tell[0], &error, sizeof error) < 0) error = errno;
    waitpid(child, NULL, 0);
    return error;
}

static int execute_from(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/.infernet-probe-x%d", folder, getpid());
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (from < 0) from = open("/bin/true", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (from < 0 || to < 0) return errno;
    char buffer[65536];
    for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;)
        if (write(to, buffer, (size_t)n) != n) break;
    close(from);
    close(to);
    int error = start(path);
    unlink(path);
    return error;
}

static int execute(const char *path) { return start(path); }

static int connect_to(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return TRY(connect(fd, (struct sockaddr *)&address, sizeof address));
}

static int signal_other(const char *pid) { return TRY(kill(atoi(pid), 0)); }

static int peek(const char *pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

static int attach(const char *pid)
{
    int error = TRY(ptrace(PTRACE_SEIZE, atoi(pid), NULL, NULL));
    if (!error) ptrace(PTRACE_DETACH, atoi(pid), NULL, NULL);
    return error;
}

// The kernel

static int inet4(const char *u) { (void)u; return TRY(socket(AF_INET, SOCK_STREAM, 0)); }
static int inet6(const char *u) { (void)u; return TRY(socket(AF_INET6, SOCK_DGRAM, 0)); }
static int raw(const char *u) { (void)u; return TRY(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }
static int packet(const char *u) { (void)u; return TRY(socket(AF_PACKET, SOCK_RAW, 0)); }
static int netlink(const char *u) { (void)u; return TRY(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int vsock(const char *u) { (void)u; return TRY(socket(AF_VSOCK, SOCK_STREAM, 0)); }
static int mounting(const char *u)
{
    (void)u;
    // Where it succeeds it happens in a mount namespace of this attempt's own; where that cannot be had, nowhere.
    if (!unshare(CLONE_NEWNS)) mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return TRY(mount("none", "/tmp", "tmpfs", MS_RDONLY, NULL));
}
static int remount(const char *u) { (void)u; return TRY(unshare(CLONE_NEWNS)); }
static int user_namespace(const char *u) { (void)u; return TRY(unshare(CLONE_NEWUSER)); }
static int net_namespace(const char *u) { (void)u; return TRY(unshare(CLONE_NEWNET)); }
static int clone_namespace(const char *u)
{
    (void)u;
    long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) _exit(0);
    return TRY(child);
}
static int trace_parent(const char *u) { (void)u; return TRY(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL)); }
static int read_parent(const char *u)
{
    (void)u;
    static char here, there;
    struct iovec a = {&here, 1}, b = {&there, 1};
    return TRY(process_vm_readv(getppid(), &a, 1, &b, 1, 0));
}
static int keys(const char *u)
{
    (void)u;
    return TRY(syscall(SYS_add_key, "user", "infernet-probe", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}
static int keyctl_join(const char *u) { (void)u; return TRY(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL)); }
static int uring(const char *u)
{
    (void)u;
    uint32_t parameters[30] = {0};
    return TRY(syscall(SYS_io_uring_setup, 2, parameters));
}
static int fault(const char *u) { (void)u; return TRY(syscall(SYS_userfaultfd, 1 /* user mode only */)); }
static int memory_file(const char *u)
{
    (void)u;
    int fd = (int)syscall(SYS_memfd_create, "probe", 0);
    if (fd < 0) return errno;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (ftruncate(fd, 4096) || page == MAP_FAILED) return page == MAP_FAILED ? errno : 0;
    return 0;
}
static int write_execute(const char *u)
{
    (void)u;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : 0;
}
static int make_executable(const char *u)
{
    (void)u;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return errno;
    return TRY(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}
static int root_user(const char *u) { (void)u; return TRY(syscall(SYS_setresuid, 0, 0, 0)); }
static int change_root(const char *u) { (void)u; return TRY(chroot("/")); }
static int host_name(const char *u)
{
    (void)u;
    char name[256];
    gethostname(name, sizeof name);
    return TRY(sethostname(name, strlen(name)));
}
static int clock_step(const char *u)
{
    (void)u;
    // An invalid time, so that nothing is set where it is allowed; libc would not even ask the kernel.
    struct timespec never = {0, 2000000000};
    int error = TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, &never));
    return error == EINVAL ? 0 : error;
}
static int kernel_log(const char *u) { (void)u; return TRY(syscall(SYS_syslog, 3, NULL, 0) < 0 && errno != EINVAL ? -1 : 0); }
static int bpf(const char *u)
{
    (void)u;
    uint32_t attributes[32] = {1 /* hash */, 4, 4, 1};
    return TRY(syscall(SYS_bpf, 0, attributes, sizeof attributes));
}
static int personality_change(const char *u) { (void)u; return TRY(syscall(SYS_personality, 0x0040000)); }
static int priority(const char *u) { (void)u; return TRY(setpriority(PRIO_PROCESS, 0, -5)); }
static int raise_files(const char *u)
{
    (void)u;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    // One more than it may: the control shows that this is a limit that root lifts.
    int fd = fcntl(0, F_DUPFD, 16500);
    return fd < 0 ? (errno == EINVAL ? EMFILE : errno) : 0;
}
static int processes(const char *u)
{
    (void)u;
    enum { MOST = 700 };
    static pid_t children[MOST];
    int count = 0, error = 0;
    for (; count < MOST; count++) {
        children[count] = fork();
        if (children[count] == 0) {
            pause();
            _exit(0);
        }
        if (children[count] < 0) {
            error = errno;
            break;
        }
    }
    for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
    for (int i = 0; i < count; i++) waitpid(children[i], NULL, 0);
    return error;
}
static int memory(const char *u)
{
    (void)u;
    size_t size = (size_t)1200 << 20;
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return errno;
    for (size_t at = 0; at < size; at += 4096) block[at] = 1;
    return 0;
}
static int set_id_file(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/.infernet-probe-s%d", folder, getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (fd < 0) return errno;
    int error = TRY(fchmod(fd, 04700));
    close(fd);
    unlink(path);
    return error;
}
static int device(const char *u)
{
    (void)u;
    char path[4096];
    const char *folder = getenv("STATE_DIRECTORY");
    snprintf(path, sizeof path, "%s/.infernet-probe-d%d", folder ? folder : "/tmp", getpid());
    int error = TRY(mknod(path, S_IFCHR | 0600, 0x103));
    unlink(path);
    return error;
}

static const struct {
    const char *name;
    int (*work)(const char *);
} kernel[] = {
    {"socket-inet", inet4}, {"socket-inet6", inet6}, {"socket-raw", raw}, {"socket-packet", packet},
    {"socket-netlink", netlink}, {"socket-vsock", vsock}, {"mount", mounting}, {"unshare-mount", remount},
    {"unshare-user", user_namespace}, {"unshare-net", net_namespace}, {"clone-user", clone_namespace},
    {"ptrace-parent", trace_parent}, {"process-vm-readv", read_parent}, {"add-key", keys}, {"keyctl", keyctl_join},
    {"io-uring", uring}, {"userfaultfd", fault}, {"memfd-exec", memory_file}, {"mmap-write-exec", write_execute},
    {"mprotect-exec", make_executable}, {"setresuid-root", root_user}, {"chroot", change_root},
    {"sethostname", host_name}, {"clock-settime", clock_step}, {"kernel-log", kernel_log}, {"bpf", bpf},
    {"personality", personality_change}, {"raise-priority", priority}, {"mknod-device", device},
    {"files-beyond-limit", raise_files}, {"processes-beyond-limit", processes}, {"memory-beyond-limit", memory},
};

static const struct {
    const char *name;
    int (*work)(const char *);
} with_path[] = {
    {"read", read_file}, {"write", write_folder}, {"exec-from", execute_from}, {"exec", execute},
    {"set-id", set_id_file}, {"connect", connect_to}, {"signal", signal_other}, {"peek", peek}, {"attach", attach},
};

static void run(const char *word)
{
    if (!strcmp(word, "kernel")) {
        for (size_t i = 0; i < sizeof kernel / sizeof *kernel; i++) attempt(kernel[i].name, "", kernel[i].work);
        return;
    }
    const char *colon = strchr(word, ':');
    for (size_t i = 0; colon && i < sizeof with_path / sizeof *with_path; i++)
        if (strlen(with_path[i].name) == (size_t)(colon - word) && !strncmp(word, with_path[i].name, colon - word))
            return attempt(with_path[i].name, colon + 1, with_path[i].work);
    fprintf(out, "%s\tUNKNOWN\n", word);
}

int main(int count, char **words)
{
    if (count == 2 && !strcmp(words[1], "--version")) return 0;
    // A unit's standard output may be /dev/null; standard error never is.
    out = stderr;
#ifdef STANDBY
    // Made of a standby, which has no arguments; started in another way it says nothing, which fails the test.
    const char *name = strrchr(words[0], '/');
    if (getenv("PROBE_STANDBY") && !(name && !strcmp(name + 1, "infernet-standby"))) return 3;
    if (name && !strcmp(name + 1, "infernet-standby")) {
        chost_await(3);
        for (char *one = strtok(getenv("PROBE_STANDBY"), "\n"); one; one = strtok(NULL, "\n")) run(one);
    }
#endif
    for (int i = 1; i < count; i++) run(words[i]);
    fprintf(out, "done\tOK\n");
    return 0;
}
