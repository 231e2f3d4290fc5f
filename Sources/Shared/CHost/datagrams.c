// Many UDP packets with one system call, which Swift cannot spell.
// It must never wait, nor let a packet that cannot be sent keep the others from going.
#define _GNU_SOURCE
#include "chost.h"
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int chost_send_datagrams(int socket, const void *bytes, const struct chost_datagram *each, int count)
{
    struct sockaddr_in to[CHOST_MAX_DATAGRAMS];
    struct iovec parts[CHOST_MAX_DATAGRAMS];
    struct mmsghdr messages[CHOST_MAX_DATAGRAMS];
    if (count < 0 || count > CHOST_MAX_DATAGRAMS) return -EINVAL;
    memset(messages, 0, sizeof messages[0] * (size_t)count);
    const char *at = bytes;
    for (int i = 0; i < count; i++) {
        to[i] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(each[i].port), .sin_addr.s_addr = htonl(each[i].address)};
        parts[i] = (struct iovec){(void *)at, each[i].size};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &to[i], .msg_namelen = sizeof to[i], .msg_iov = &parts[i], .msg_iovlen = 1};
        at += each[i].size;
    }
    int sent = 0;
    for (int next = 0; next < count;) {
        int n = sendmmsg(socket, messages + next, (unsigned)(count - next), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            sent += n;
            next += n;
        } else if (n == 0 || errno == EAGAIN || errno == ENOBUFS) {
            break;  // no room: what is left is lost, as it would be further on
        } else if (errno != EINTR) {
            next++;  // this address cannot be sent to
        }
    }
    return sent;
}
