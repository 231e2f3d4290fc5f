// sockrelay: first process of a container that has no network. It joins loopback TCP ports inside the container with
// Unix sockets mounted from outside, and runs one engine process beside that, whose exit status becomes its own.
// It must never listen on or connect to an address other than loopback, and never interpret a byte that it carries.
//
// usage: sockrelay [LISTEN CONNECT]... -- COMMAND [ARGUMENT]...
// where each of LISTEN and CONNECT is unix:PATH or tcp:PORT.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ROUTES = 16, MAX_LINKS = 16, CHUNK = 256 * 1024, STACK = 512 * 1024, DIAL_TRIES = 100, DIAL_PAUSE_MS = 50 };

typedef struct { const char *listen, *connect; int fd; } Route;
typedef struct { int a, b; atomic_int users; } Link;  // one carried connection: two pumps, one per direction
typedef struct { Link *link; int from, to; } Pump;

static atomic_int links;

static _Noreturn void refuse(const char *what, const char *which) {
    fprintf(stderr, "sockrelay: %s: %s: %s\n", what, which, errno ? strerror(errno) : "not understood");
    exit(2);
}

// Fills in a Unix or a loopback address; returns its length, or 0 when the text is neither.
static socklen_t parse(const char *text, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (strncmp(text, "unix:", 5) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)out;
        if (text[5] == 0 || strlen(text + 5) >= sizeof un->sun_path) return 0;
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, text + 5, strlen(text + 5));
        return sizeof *un;
    }
    if (strncmp(text, "tcp:", 4) == 0) {
        char *end;
        unsigned long port = strtoul(text + 4, &end, 10);
        if (*end || end == text + 4 || port == 0 || port > 65535) return 0;
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof *in;
    }
    return 0;
}

static void without_delay(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);  // fails harmlessly on a Unix socket
}

static int open_listener(const char *text) {
    struct sockaddr_storage address;
    socklen_t length = parse(text, &address);
    errno = 0;
    if (!length) refuse("bad address", text);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0) refuse("socket", text);
    if (address.ss_family == AF_UNIX) unlink(((struct sockaddr_un *)&address)->sun_path);
    else setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, length) || listen(fd, MAX_LINKS)) refuse("listen", text);
    return fd;
}

// The engine behind a worker's socket may need a moment before it listens, hence the bounded retries.
static int dial(const char *text) {
    struct sockaddr_storage address;
    socklen_t length = parse(text, &address);
    for (int i = 0; i < DIAL_TRIES; i++) {
        int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) return -1;
        if (connect(fd, (struct sockaddr *)&address, length) == 0) return fd;
        close(fd);
        if (errno != ECONNREFUSED && errno != ENOENT) return -1;
        nanosleep(&(struct timespec){.tv_nsec = DIAL_PAUSE_MS * 1000000L}, NULL);
    }
    return -1;
}

static void release(Link *link) {
    if (atomic_fetch_sub(&link->users, 1) != 1) return;
    close(link->a);
    close(link->b);
    free(link);
    atomic_fetch_sub(&links, 1);
}

static void *pump(void *argument) {
    Pump p = *(Pump *)argument;
    free(argument);
    char *chunk = malloc(CHUNK);
    for (ssize_t got; chunk && (got = read(p.from, chunk, CHUNK)) != 0;) {
        if (got < 0) { if (errno == EINTR) continue; else break; }
        for (ssize_t done = 0, put; done < got; done += put)
            if ((put = write(p.to, chunk + done, (size_t)(got - done))) < 0) {
                if (errno != EINTR) { shutdown(p.from, SHUT_RDWR); goto finished; }
                put = 0;
            }
    }
finished:
    shutdown(p.to, SHUT_WR);
    free(chunk);
    release(p.link);
    return NULL;
}

static void start_thread(void *(*body)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK);
    if (pthread_create(&thread, &attributes, body, argument)) refuse("thread", "limit reached");
    pthread_attr_destroy(&attributes);
}

static void start_pump(Link *link, int from, int to) {
    Pump *p = malloc(sizeof *p);
    if (!p) refuse("memory", "pump");
    *p = (Pump){link, from, to};
    start_thread(pump, p);
}

static void *serve(void *argument) {
    Route *route = argument;
    for (;;) {
        int inner = accept4(route->fd, NULL, NULL, SOCK_CLOEXEC);
        if (inner < 0) { if (errno == EINTR || errno == ECONNABORTED) continue; else refuse("accept", route->listen); }
        if (atomic_fetch_add(&links, 1) >= MAX_LINKS) { close(inner); atomic_fetch_sub(&links, 1); continue; }
        int outer = dial(route->connect);
        Link *link = outer < 0 ? NULL : malloc(sizeof *link);
        if (!link) {
            fprintf(stderr, "sockrelay: %s did not answer\n", route->connect);
            close(inner);
            if (outer >= 0) close(outer);
            atomic_fetch_sub(&links, 1);
            continue;
        }
        without_delay(inner);
        without_delay(outer);
        *link = (Link){inner, outer, 2};
        start_pump(link, inner, outer);
        start_pump(link, outer, inner);
    }
}

int main(int count, char **words) {
    Route routes[MAX_ROUTES];
    int used = 0, at = 1;
    // Docker cannot set it. Who may use a socket is decided by the folder outside that it is made in.
    umask(0);
    for (; at < count && strcmp(words[at], "--") != 0; at += 2, used++) {
        struct sockaddr_storage scratch;
        if (used == MAX_ROUTES || at + 1 >= count || !parse(words[at + 1], &scratch)) refuse("bad route", words[at]);
        routes[used] = (Route){words[at], words[at + 1], open_listener(words[at])};
    }
    if (at + 1 >= count) refuse("usage", "[LISTEN CONNECT]... -- COMMAND [ARGUMENT]...");

    // Blocked here, before any thread exists, so that only the loop below ever receives them.
    sigset_t waited, before;
    sigemptyset(&waited);
    sigaddset(&waited, SIGCHLD);
    sigaddset(&waited, SIGTERM);
    sigaddset(&waited, SIGINT);
    sigprocmask(SIG_BLOCK, &waited, &before);
    signal(SIGPIPE, SIG_IGN);  // inherited on purpose: a client that leaves in the middle must not end the engine
    if (used == 0) {  // nothing to carry, so nobody to supervise: the engine takes this process's place
        sigprocmask(SIG_SETMASK, &before, NULL);
        execv(words[at + 1], words + at + 1);
        perror("sockrelay: exec");
        return 127;
    }

    pid_t engine = fork();
    if (engine < 0) refuse("fork", words[at + 1]);
    if (engine == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        execv(words[at + 1], words + at + 1);
        perror("sockrelay: exec");
        _exit(127);
    }
    for (int i = 0; i < used; i++) start_thread(serve, &routes[i]);
    for (;;) {
        int signal_number = sigwaitinfo(&waited, NULL), status;
        if (signal_number == SIGTERM || signal_number == SIGINT) kill(engine, signal_number);
        for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;)
            if (ended == engine) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}
