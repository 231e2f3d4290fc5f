"""What the kernel knows about a process: its files, sockets, rights and memory.
It must never ask the process itself."""

import contextlib
import os
import pwd
import re
import socket
import struct

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, SHOW_NAME, SHOW_PEER = 4, 20, 1, 4


def alive(pid):
    """Whether a process runs: a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_files(pid):
    """What a process has open: the targets of its descriptors."""
    folder, targets = f"/proc/{pid}/fd", []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            targets.append(os.readlink(os.path.join(folder, name)))
    return targets


def socket_inodes(pid):
    """Inodes of a process's sockets."""
    return {int(match.group(1)) for target in open_files(pid) if (match := re.match(r"socket:\[(\d+)\]", target))}


def inet_sockets():
    """Kind of each TCP and UDP socket of this machine by inode."""
    found = {}
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/net/{kind}", encoding="ascii") as file:
            for line in list(file)[1:]:
                fields = line.split()
                found[int(fields[9])] = (kind.rstrip("6"), fields[1], fields[3])
    return found


def unix_peers():
    """For each Unix socket's inode: the path of the socket that it is connected to (sock_diag(7))."""
    names, peers = {}, {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as link:
        link.settimeout(10)
        ask = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, SHOW_NAME | SHOW_PEER, 0, 0)
        link.send(struct.pack("=IHHII", 16 + len(ask), SOCK_DIAG_BY_FAMILY, 0x301, 1, 0) + ask)
        while True:
            data = link.recv(1 << 20)
            while data:
                size, kind = struct.unpack_from("=IH", data)
                if kind != SOCK_DIAG_BY_FAMILY:
                    return {inode: names.get(peer, "*") for inode, peer in peers.items()}
                inode = struct.unpack_from("=I", data, 20)[0]
                at = 32
                while at + 4 <= size:
                    length, attribute = struct.unpack_from("=HH", data, at)
                    value = data[at + 4:at + length]
                    if attribute == 0:
                        names[inode] = value.rstrip(b"\0").decode(errors="replace")
                    elif attribute == 2:
                        peers[inode] = struct.unpack("=I", value)[0]
                    at += (length + 3) & ~3
                data = data[(size + 3) & ~3:]


def status(pid):
    """The fields of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def in_memory(pid, needle):
    """Whether a process holds these bytes in memory that it can write to."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            if not mode.startswith("rw"):
                continue
            low, high = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(low)
                if needle in memory.read(high - low):
                    return True
            except OSError:
                continue
    return False


def as_user(user, work):
    """What a function returns in a child process that is this user, as text; or the name of its exception."""
    account, (reader, writer) = pwd.getpwnam(user), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            said = str(work())
        except BaseException as error:  # the child must end here whatever happens
            said = type(error).__name__
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said
