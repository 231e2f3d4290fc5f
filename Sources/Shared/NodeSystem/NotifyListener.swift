// The parent's end of the notify protocol: receives what services say, with the kernel's word on who said it.
// It must never believe a pid written inside a message.

import CHost
import Glibc

/// A datagram socket that services find through NOTIFY_SOCKET.
public final class NotifyListener: Sendable {
    /// One datagram.
    public struct Received: Equatable, Sendable {
        /// The sender, as attested by the kernel.
        public var pid: Int32
        /// Its user.
        public var uid: UInt32
        /// `NAME=value` lines, by name; the last wins.
        public var fields: [String: String]
        /// What came along to be kept (`FDSTORE=1`), close-on-exec: it is the receiver's, who closes it.
        public var descriptors: [Int32] = []
    }

    /// The socket, to be polled; it belongs to this object.
    public let descriptor: Int32
    static let longest = 4096

    /// Binds the socket at `path`; everybody may send, the sender's credentials decide.
    ///
    /// - Throws: `SystemError` when the path cannot be bound.
    public init(path: String) throws {
        descriptor = try UnixSocket.listen(at: path, kind: .datagram, mode: 0o666, replacesServed: true)
        do {
            try checked("cannot ask for senders' credentials", chost_pass_credentials(descriptor))
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// The next datagram, without waiting; nil when there is none. Text that is not `NAME=value` is left out.
    public func receive() -> Received? {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var bytes = [UInt8](repeating: 0, count: Self.longest)
        var handed = [Int32](repeating: -1, count: Int(CHOST_MAX_HANDED))
        var many: Int32 = 0
        let count = chost_recv_notification(
            descriptor, &bytes, bytes.count, &pid, &uid, &handed, Int32(handed.count), &many)
        guard count >= 0 else { return nil }
        var fields: [String: String] = [:]
        for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            fields[String(line[..<equals])] = String(line[line.index(after: equals)...])
        }
        return Received(pid: pid, uid: uid, fields: fields, descriptors: Array(handed.prefix(Int(many))))
    }
}
