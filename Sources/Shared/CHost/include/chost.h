// What Swift cannot do itself on Linux: start a hardened child, read ancillary data, name an errno.
// Every function returns a negative errno on failure; none prints, allocates for the caller or keeps state.
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>

/// The step of the child's setup that failed. Keep in the order in which spawn.c takes them.
enum chost_stage {
    CHOST_STAGE_CLONE = 0,
    CHOST_STAGE_SIGNALS,
    CHOST_STAGE_DESCRIPTORS,
    CHOST_STAGE_SESSION,
    CHOST_STAGE_LIMITS,
    CHOST_STAGE_DIRECTORY,
    CHOST_STAGE_CAPABILITIES,
    CHOST_STAGE_GROUPS,
    CHOST_STAGE_GID,
    CHOST_STAGE_UID,
    CHOST_STAGE_PARENT_DEATH,
    CHOST_STAGE_NO_NEW_PRIVS,
    CHOST_STAGE_LANDLOCK,
    CHOST_STAGE_SECCOMP,
    CHOST_STAGE_EXEC,
};

/// Most descriptors a child can be given beyond its standard three.
#define CHOST_MAX_DESCRIPTORS 120

struct chost_limit {
    int resource;  // RLIMIT_*
    uint64_t value;
};

struct chost_spawn {
    const char *path;
    char *const *argv;
    char *const *envp;
    const char *directory;  // NULL: inherited
    int stdio[3];           // become 0, 1, 2
    const int *fds;         // become 3, 4, …
    int fd_count;
    // Where, inside one string of envp, the child writes its own pid (room for 11 bytes); NULL: nowhere.
    char *pid_slot;
    const struct chost_limit *limits;
    int limit_count;
    unsigned file_mask;
    int new_session;
    int drop_capabilities;  // bounding and ambient set; needs CAP_SETPCAP
    int set_ids;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    int group_count;
    int parent_death_signal;  // 0: none. Fires when the *thread* that spawned ends
    int no_new_privs;
    int landlock_fd;              // -1: none
    const uint64_t *seccomp;      // struct sock_filter, eight bytes each; NULL: none
    unsigned short seccomp_count;
};

/// Starts a child and waits until it has exec'd or failed. Returns its pid and *pidfd (close-on-exec, the caller
/// closes it), or -errno with *stage telling where. A child that failed is already reaped.
int chost_spawn(const struct chost_spawn *options, int *pidfd, int *stage);

/// Makes the process at the other end of a seqpacket pair, which waits in `chost_await`, the child that `options` describes
/// (all but arguments: there is no exec). Returns 0, or -errno with *stage telling where; the process is then useless.
/// Gives up after so many milliseconds with -ETIMEDOUT.
int chost_hand_over(int socket, const struct chost_spawn *options, int milliseconds, int *stage);
/// Waits at the other end until it is needed, and takes on all that it is told. Returns the path of the program that this
/// process is now; ends the process when the parent goes away or a step fails. Only while there is one thread.
const char *chost_await(int socket);

/// Reaps the child behind a pidfd without waiting: 1 and its end, 0 when it still runs. *code is CLD_EXITED,
/// CLD_KILLED or CLD_DUMPED; *status the exit code or signal.
int chost_pidfd_reap(int pidfd, int *code, int *status);
/// Signals exactly the process that the pidfd was opened for, never one that reused its pid.
int chost_pidfd_signal(int pidfd, int signal);

/// The kernel's version of Landlock, from 1; a negative errno when it has none, or it is switched off.
int chost_landlock_version(void);
/// A ruleset that forbids these rights except where `chost_landlock_allow` gives them; close-on-exec. The sets must hold
/// only what the kernel's version knows.
int chost_landlock_create(uint64_t files, uint64_t net, uint64_t scoped);
/// Gives rights at a path and below: `folder` when it is a directory, else `file`. -ENOENT when it is not there.
int chost_landlock_allow(int ruleset, const char *path, uint64_t folder, uint64_t file);
/// Puts the calling thread behind the ruleset, and out of reach of new privileges; 0 or a negative errno.
int chost_landlock_restrict(int ruleset);

/// An eventfd, close-on-exec, non-blocking: wakes a thread that polls.
int chost_eventfd(void);
/// An anonymous sealed file holding exactly these bytes, at offset 0, close-on-exec. Nobody can change it any more.
int chost_sealed_file(const char *name, const void *bytes, size_t count);

/// Sends bytes (at least one) with one descriptor. Returns the bytes sent.
ssize_t chost_send_fd(int socket, const void *bytes, size_t count, int fd);
/// Receives bytes with at most one descriptor: *fd is -1 when none came. More than one: all closed, -EMSGSIZE.
ssize_t chost_recv_fd(int socket, void *bytes, size_t capacity, int *fd);
/// Most descriptors that one datagram carries here; the kernel's own limit is 253.
#define CHOST_MAX_HANDED 64
/// Sends one datagram with up to CHOST_MAX_HANDED descriptors, without waiting. Returns the bytes sent.
ssize_t chost_send_fds(int socket, const void *bytes, size_t count, const int *fds, int fd_count);
/// Receives one datagram with its sender's kernel-attested credentials, without waiting; *pid is 0 when there are
/// none. *fd_count says how many of the descriptors that came along are in fds; those beyond `most` are closed.
ssize_t chost_recv_notification(int socket, void *bytes, size_t capacity, pid_t *pid, uid_t *uid, int *fds, int most,
                                int *fd_count);
/// Asks the kernel to attest the sender of every datagram.
int chost_pass_credentials(int socket);
int chost_peer_credentials(int socket, pid_t *pid, uid_t *uid, gid_t *gid);

/// One of many packets, to an address whose 128 bits are in two numbers as the machine writes them; an IPv4 address is in the
/// last 32 bits.
struct chost_datagram {
    uint64_t high;
    uint64_t low;
    uint16_t port;
    uint16_t size;
};
/// Most packets that leave with one call.
#define CHOST_MAX_DATAGRAMS 64
/// Sends packets, which lie one behind the other in `bytes`, without waiting. Those that cannot be sent are passed over; when
/// there is no room the rest is lost. `family` is the socket's, and that of all the addresses. Returns how many were sent.
int chost_send_datagrams(int socket, int family, const void *bytes, const struct chost_datagram *each, int count);

/// The symbol of an errno, like "EADDRINUSE", or "" when it has none.
const char *chost_errno_name(int error);
/// Names the calling thread, as ps and top show it.
void chost_name_thread(const char *name);

/// Gives back to the system what the heap of this process holds and does not use.
void chost_trim_heap(void);

/// The symbol of a signal without "SIG", like "KILL", or "" when it has none.
const char *chost_signal_name(int signal);
