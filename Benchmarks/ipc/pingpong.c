// pingpong: the floor that the node's IPC is measured against: frames of 1 KiB over a Unix stream socket, no JSON.
// It must never do less than a frame asks for: every length is read, every byte is sent back and received.

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 1024, ROOM = 1 << 20 };

static void fail(const char *what) {
    fprintf(stderr, "pingpong: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void send_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = write(fd, bytes, count);
        if (n <= 0) fail("write");
        bytes += n;
        count -= (size_t)n;
    }
}

// The bytes of the whole frames at the start of what was received; adds their number to *frames.
static size_t whole(const char *bytes, size_t count, long *frames) {
    size_t at = 0;
    while (count - at >= 4) {
        uint32_t length;
        memcpy(&length, bytes + at, 4);
        length = ntohl(length);
        if (length == 0 || length > ROOM - 4) {
            errno = EPROTO;
            fail("frame");
        }
        if (count - at - 4 < length) break;
        at += 4 + length;
        *frames += 1;
    }
    return at;
}

static _Noreturn void serve(struct sockaddr_un *address) {
    static char buffer[ROOM];
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(address->sun_path);
    if (bind(listening, (struct sockaddr *)address, sizeof *address) || listen(listening, 8)) fail("listen");
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        if (fd < 0) fail("accept");
        size_t held = 0;
        ssize_t n;
        while ((n = read(fd, buffer + held, ROOM - held)) > 0) {
            long frames = 0;
            held += (size_t)n;
            size_t ready = whole(buffer, held, &frames);
            send_all(fd, buffer, ready);
            memmove(buffer, buffer + ready, held - ready);
            held -= ready;
        }
        close(fd);
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// One frame to send: bare bytes, or a control.ping of the node's own protocol.
static size_t compose(char *frame, const char *kind) {
    char payload[PAYLOAD + 1];
    memset(payload, 'x', PAYLOAD);
    payload[PAYLOAD] = 0;
    size_t length;
    if (strcmp(kind, "infernet") == 0) {
        length = (size_t)sprintf(
            frame + 4,
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"control.ping\",\"params\":{\"payload\":\"%s\"}}", payload);
    } else {
        length = (size_t)sprintf(frame + 4, "%s", payload);
    }
    uint32_t big = htonl((uint32_t)length);
    memcpy(frame, &big, 4);
    return length + 4;
}

static void greet(int fd) {
    static const char hello[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":{\"build\":\"pingpong/1\",\"interface\":1}}";
    char reply[4096];
    uint32_t big = htonl(sizeof hello - 1);
    size_t held = 0;
    long frames = 0;
    send_all(fd, (const char *)&big, 4);
    send_all(fd, hello, sizeof hello - 1);
    while (frames == 0) {
        ssize_t n = read(fd, reply + held, sizeof reply - held);
        if (n <= 0) fail("hello");
        held += (size_t)n;
        whole(reply, held, &frames);
    }
}

static int call(struct sockaddr_un *address, const char *kind, long rounds, long depth) {
    static char buffer[ROOM], frame[4096], batch[ROOM];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)address, sizeof *address)) fail("connect");
    if (strcmp(kind, "infernet") == 0) greet(fd);
    size_t size = compose(frame, kind);
    for (long i = 0; i < depth; i++) memcpy(batch + (size_t)i * size, frame, size);
    double *took = calloc((size_t)rounds, sizeof *took);
    if (!took) fail("memory");
    size_t held = 0;
    long sent = depth, done = 0;
    double start = now(), last = start;
    send_all(fd, batch, (size_t)depth * size);
    while (done < rounds) {
        ssize_t n = read(fd, buffer + held, ROOM - held);
        if (n <= 0) fail("read");
        long frames = 0;
        held += (size_t)n;
        size_t used = whole(buffer, held, &frames);
        memmove(buffer, buffer + used, held - used);
        held -= used;
        if (depth == 1 && frames == 1) {
            double t = now();
            took[done] = t - last;
            last = t;
        }
        done += frames;
        long more = frames < rounds - sent ? frames : rounds - sent;
        if (more > 0) send_all(fd, batch, (size_t)more * size);
        sent += more > 0 ? more : 0;
    }
    double elapsed = now() - start;
    qsort(took, (size_t)rounds, sizeof *took, ascending);
    printf(
        "{\"p50_us\":%.2f,\"p99_us\":%.2f,\"per_second\":%.0f}\n", took[rounds / 2] * 1e6,
        took[rounds * 99 / 100] * 1e6, (double)rounds / elapsed);
    free(took);
    close(fd);
    return 0;
}

int main(int count, char **words) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (count < 3 || strlen(words[2]) >= sizeof address.sun_path) {
        fprintf(stderr, "pingpong serve SOCKET | call SOCKET bare|infernet ROUNDS DEPTH\n");
        return 2;
    }
    strcpy(address.sun_path, words[2]);
    if (strcmp(words[1], "serve") == 0) serve(&address);
    if (count != 6) return 2;
    long rounds = atol(words[4]), depth = atol(words[5]);
    if (rounds < 1 || depth < 1 || depth > 256 || depth > rounds) return 2;
    return call(&address, words[3], rounds, depth);
}
