// Who is at the other end of a Unix socket, by the kernel's word (SO_PEERCRED).
// It must never be asked of a TCP socket: there the kernel knows nobody.

import CHost
import Glibc

/// The process that connected, as it was at that moment.
public struct PeerCredentials: Equatable, Sendable {
    /// Its process id. It may be gone by now.
    public var pid: Int32
    /// Its effective user.
    public var uid: UInt32
    /// Its effective group.
    public var gid: UInt32

    /// The peer of a connected Unix socket.
    ///
    /// - Throws: `SystemError` when the descriptor is not a connected Unix socket.
    public static func of(descriptor: Int32) throws -> PeerCredentials {
        var peer = PeerCredentials(pid: 0, uid: 0, gid: 0)
        try checked(
            "cannot ask who is at the other end of the socket",
            chost_peer_credentials(descriptor, &peer.pid, &peer.uid, &peer.gid))
        if peer.pid == 0 {
            throw SystemError(.malformed, "the socket has no peer process: it is not a Unix connection")
        }
        return peer
    }
}
