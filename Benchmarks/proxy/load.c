// load: CLIENTS connections that each ask for a chat completion again as soon as the last one is answered.
// It must never count an answer that is not a 200 with a body.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 16, MOST = 200000 };

static struct sockaddr_in address;
static char request[4096];
static double until, took[MOST];
static long answered, failed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Sends the request and reads one whole answer: 1 when it is a 200.
static int once(int fd) {
    char buffer[ROOM + 1];
    size_t held = 0, want = strlen(request);
    if (write(fd, request, want) != (ssize_t)want) return 0;
    while (held < ROOM) {
        ssize_t n = read(fd, buffer + held, ROOM - held);
        if (n <= 0) return 0;
        held += (size_t)n;
        buffer[held] = 0;
        char *end = strstr(buffer, "\r\n\r\n");
        if (!end) continue;
        char *line = strcasestr(buffer, "\r\ncontent-length:");
        if (!line || line > end) return 0;
        size_t length = strtoul(line + 17, NULL, 10);
        if (held < (size_t)(end - buffer) + 4 + length) continue;
        return strncmp(buffer, "HTTP/1.1 200", 12) == 0 && length > 0 && strstr(end, "Four") != NULL;
    }
    return 0;
}

static int dial(void) {
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void *client(void *unused) {
    (void)unused;
    int fd = dial();
    while (now() < until) {
        double began = now();
        int good = fd >= 0 && once(fd);
        double lasted = now() - began;
        pthread_mutex_lock(&lock);
        if (good && answered < MOST) {
            took[answered++] = lasted;
        } else {
            failed++;
        }
        pthread_mutex_unlock(&lock);
        if (!good) {
            if (fd >= 0) close(fd);
            usleep(10000);
            fd = dial();
        }
    }
    if (fd >= 0) close(fd);
    return NULL;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **words) {
    if (count != 6) {
        fprintf(stderr, "load ADDRESS PORT MODEL CLIENTS SECONDS\n");
        return 2;
    }
    char body[1024];
    int size = snprintf(
        body, sizeof body,
        "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"What is 2+2?\"}],\"max_tokens\":1,"
        "\"temperature\":0}", words[3]);
    snprintf(
        request, sizeof request,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Authorization: Bearer none\r\nContent-Length: %d\r\n\r\n%s", size, body);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(words[2]));
    if (inet_pton(AF_INET, words[1], &address.sin_addr) != 1) return 2;
    int clients = atoi(words[4]);
    if (clients < 1 || clients > 256) return 2;
    pthread_t threads[256];
    double began = now();
    until = began + atof(words[5]);
    for (int i = 0; i < clients; i++) {
        if (pthread_create(&threads[i], NULL, client, NULL)) return 1;
    }
    for (int i = 0; i < clients; i++) pthread_join(threads[i], NULL);
    double elapsed = now() - began;
    qsort(took, (size_t)answered, sizeof *took, ascending);
    printf(
        "{\"answered\":%ld,\"failed\":%ld,\"per_second\":%.1f,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n", answered, failed,
        (double)answered / elapsed, answered ? took[answered / 2] * 1e3 : 0,
        answered ? took[answered * 99 / 100] * 1e3 : 0);
    return 0;
}
