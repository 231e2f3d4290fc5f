// blast FD FILE WINDOW SECONDS ADDRESS PORT: sends the packets of FILE (each after its length, two bytes, highest first)
// over and over from the UDP socket FD, with so many unanswered at a time, and prints what came back as JSON.
// SECONDS = 0: every packet once. It must never wait for one answer: a lost packet is made good after 50 ms of silence.

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 7) return 64;
  int fd = atoi(argv[1]), window = atoi(argv[3]), port = atoi(argv[6]);
  double seconds = atof(argv[4]);
  FILE *file = fopen(argv[2], "rb");
  if (!file) return 66;
  static unsigned char data[64 << 20];
  size_t length = fread(data, 1, sizeof data, file), count = 0;
  fclose(file);
  static struct { const unsigned char *bytes; size_t length; } packets[1 << 20];
  for (size_t at = 0; at + 2 <= length && count < 1 << 20;) {
    size_t size = (size_t)data[at] << 8 | data[at + 1];
    if (at + 2 + size > length) break;
    packets[count].bytes = data + at + 2;
    packets[count++].length = size;
    at += 2 + size;
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (!count || inet_pton(AF_INET, argv[5], &to.sin_addr) != 1) return 65;
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) return 71;
  long sent = 0, replies = 0, errors = 0, lost = 0, bytes = 0, open = 0;
  double began = now(), heard = began;
  unsigned char in[2048];
  for (;;) {
    double t = now();
    if (seconds > 0 ? t - began >= seconds : sent >= (long)count && open <= 0) break;
    while (open < window && (seconds > 0 || sent < (long)count)) {
      size_t i = (size_t)sent % count;
      if (send(fd, packets[i].bytes, packets[i].length, 0) < 0 && errno != ECONNREFUSED) break;
      sent++;
      open++;
    }
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, 10) > 0) {
      ssize_t got;
      while ((got = recv(fd, in, sizeof in, MSG_DONTWAIT)) > 0) {
        // The last key of a message is "y", so it ends in 1:y1:r and the e of its dictionary.
        if (got > 2 && in[got - 2] == 'r') replies++;
        else if (got > 2 && in[got - 2] == 'e') errors++;
        else continue;
        bytes += got;
        open--;
        heard = now();
      }
    } else if (now() - heard > 0.05) {
      lost += open;
      open = 0;
      heard = now();
    }
  }
  double took = now() - began;
  printf("{\"sent\":%ld,\"replies\":%ld,\"errors\":%ld,\"lost\":%ld,\"bytes\":%ld,\"seconds\":%.6f}\n", sent, replies,
         errors, lost, bytes, took);
  return 0;
}
