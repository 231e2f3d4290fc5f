// Landlock: which files a process may ever open again. Raw system calls, because no libc has them yet; the constants
// are the kernel's ABI and are written out, because the headers of a distribution are older than its kernels.
// It must never widen what is handled when a right is unknown to the kernel: what it does not know it does not forbid.
#define _GNU_SOURCE
#include "chost.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The same on all architectures.
enum { LANDLOCK_CREATE = 444, LANDLOCK_ADD = 445, LANDLOCK_RESTRICT = 446 };
enum { RULE_PATH_BENEATH = 1, CREATE_VERSION = 1 };

struct ruleset {
    uint64_t files, net, scoped;
};

struct path_rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

int chost_landlock_version(void)
{
    long version = syscall(LANDLOCK_CREATE, NULL, 0, CREATE_VERSION);
    return version < 0 ? -errno : (int)version;
}

int chost_landlock_create(uint64_t files, uint64_t net, uint64_t scoped)
{
    int version = chost_landlock_version();
    if (version < 0) return version;
    struct ruleset rules = {files, net, scoped};
    // An older kernel takes a shorter form.
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    long fd = syscall(LANDLOCK_CREATE, &rules, size, 0);
    if (fd < 0) return -errno;
    // The kernel gives it close-on-exec.
    return (int)fd;
}

int chost_landlock_allow(int ruleset, const char *path, uint64_t folder, uint64_t file)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return -errno;
    struct stat info;
    int error = 0;
    if (fstat(fd, &info)) error = errno;
    struct path_rule rule = {S_ISDIR(info.st_mode) ? folder : file, fd};
    if (!error && syscall(LANDLOCK_ADD, ruleset, RULE_PATH_BENEATH, &rule, 0)) error = errno;
    close(fd);
    return -error;
}

int chost_landlock_restrict(int ruleset)
{
    // Without it the kernel refuses: a program with set-id would be tricked.
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -errno;
    return syscall(LANDLOCK_RESTRICT, ruleset, 0) ? -errno : 0;
}
