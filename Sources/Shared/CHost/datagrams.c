// Many UDP packets with one system call, which Swift cannot spell.
// It must never wait, nor let a packet that cannot be sent keep the others from going.
#define _GNU_SOURCE
#include "chost.h"
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union address {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t place(union address *to, int family, const struct chost_datagram *each)
{
    if (family == AF_INET) {
        to->v4 = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(each->port), .sin_addr.s_addr = htonl((uint32_t)each->low)};
        return sizeof to->v4;
    }
    to->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(each->port)};
    uint64_t halves[2] = {htobe64(each->high), htobe64(each->low)};
    memcpy(&to->v6.sin6_addr, halves, sizeof halves);
    return sizeof to->v6;
}

int chost_send_datagrams(int socket, int family, const void *bytes, const struct chost_datagram *each, int count)
{
    union address to[CHOST_MAX_DATAGRAMS];
    struct iovec parts[CHOST_MAX_DATAGRAMS];
    struct mmsghdr messages[CHOST_MAX_DATAGRAMS];
    if (count < 0 || count > CHOST_MAX_DATAGRAMS) return -EINVAL;
    if (family != AF_INET && family != AF_INET6) return -EAFNOSUPPORT;
    memset(messages, 0, sizeof messages[0] * (size_t)count);
    const char *at = bytes;
    for (int i = 0; i < count; i++) {
        parts[i] = (struct iovec){(void *)at, each[i].size};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &to[i], .msg_namelen = place(&to[i], family, &each[i]), .msg_iov = &parts[i], .msg_iovlen = 1};
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
