// announce: the most trivial program that a supervisor can restart: writes its pid into a FIFO, then waits to be killed.
// It must never do anything before that write, so that the peers are measured at their best.

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count != 2) return 2;
    int fd = open(words[1], O_WRONLY);
    if (fd < 0) return 1;
    dprintf(fd, "%d\n", (int)getpid());
    close(fd);
    for (;;) pause();
}
