// mock_engine: answers like llama-server as far as a node and a proxy ask: /health, one chat completion at once.
// It must never be used but to compare proxies: it stands in for the engine behind both, and generates nothing.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { ROOM = 1 << 17 };

static const char head[] = "{\"id\":\"chatcmpl-1\",\"created\":1,\"model\":\"mock\",\"system_fingerprint\":\"mock\",";
static const char usage[] = "\"usage\":{\"completion_tokens\":1,\"prompt_tokens\":9,\"total_tokens\":10}}";

static int send_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = write(fd, bytes, count);
        if (n <= 0) return -1;
        bytes += n;
        count -= (size_t)n;
    }
    return 0;
}

static int whole(int fd, const char *type, const char *body) {
    char text[2048];
    int n = snprintf(
        text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type, strlen(body),
        body);
    return send_all(fd, text, (size_t)n);
}

static int streamed(int fd) {
    static const char *const ends[] = {
        "\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}],"
        "\"object\":\"chat.completion.chunk\"}",
        "\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\"Four\"}}],"
        "\"object\":\"chat.completion.chunk\"}",
        "\"choices\":[{\"finish_reason\":\"length\",\"index\":0,\"delta\":{}}],\"object\":\"chat.completion.chunk\"}",
    };
    char text[4096], event[1024];
    int at = sprintf(
        text, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        int n;
        if (i < 3) {
            n = snprintf(event, sizeof event, "data: %s%s\n\n", head, ends[i]);
        } else if (i == 3) {
            n = snprintf(
                event, sizeof event, "data: %s\"choices\":[],\"object\":\"chat.completion.chunk\",%s\n\n", head, usage);
        } else {
            n = snprintf(event, sizeof event, "data: [DONE]\n\n");
        }
        at += sprintf(text + at, "%x\r\n%s\r\n", n, event);
    }
    at += sprintf(text + at, "0\r\n\r\n");
    return send_all(fd, text, (size_t)at);
}

static int answer(int fd, const char *request) {
    char body[1024];
    if (strncmp(request, "GET /health", 11) == 0) return whole(fd, "application/json", "{\"status\":\"ok\"}");
    if (strstr(request, "\"stream\":true") || strstr(request, "\"stream\": true")) return streamed(fd);
    snprintf(
        body, sizeof body,
        "%s\"object\":\"chat.completion\",\"choices\":[{\"finish_reason\":\"length\",\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"Four\"}}],%s", head, usage);
    return whole(fd, "application/json", body);
}

static void *serve(void *argument) {
    int fd = (int)(intptr_t)argument;
    char *buffer = malloc(ROOM + 1);
    size_t held = 0;
    while (buffer && held < ROOM) {
        ssize_t n = read(fd, buffer + held, ROOM - held);
        if (n <= 0) break;
        held += (size_t)n;
        buffer[held] = 0;
        char *end;
        int broken = 0;
        while ((end = strstr(buffer, "\r\n\r\n"))) {
            size_t length = 0;
            for (char *line = buffer; line && line < end; line = strstr(line + 2, "\r\n")) {
                if (strncasecmp(line, "\r\ncontent-length:", 17) == 0) length = strtoul(line + 17, NULL, 10);
            }
            size_t size = (size_t)(end - buffer) + 4 + length;
            if (length > ROOM || size > held) break;
            char next = buffer[size];
            buffer[size] = 0;
            broken = answer(fd, buffer);
            buffer[size] = next;
            memmove(buffer, buffer + size, held - size + 1);
            held -= size;
            if (broken) break;
        }
        if (broken) break;
    }
    free(buffer);
    close(fd);
    return NULL;
}

static int open_unix(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -1;
    strcpy(address.sun_path, path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) return -1;
    chmod(path, 0777);
    return fd;
}

static int open_tcp(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) return -1;
    return fd;
}

int main(int count, char **words) {
    // As llama-server: --host SOCKET. As a plain HTTP server: --port PORT.
    int listening = -1;
    for (int i = 1; i + 1 < count; i++) {
        if (strcmp(words[i], "--host") == 0) listening = open_unix(words[i + 1]);
        if (strcmp(words[i], "--port") == 0) listening = open_tcp(atoi(words[i + 1]));
    }
    if (listening < 0 || listen(listening, 256)) {
        fprintf(stderr, "mock_engine: --host SOCKET | --port PORT: %s\n", strerror(errno));
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        if (fd < 0) continue;
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd)) {
            close(fd);
        } else {
            pthread_detach(thread);
        }
    }
}
