// Hands open files from one process to another over a Unix connection (SCM_RIGHTS).
// It must never leave a received descriptor open that the caller did not get.

import CHost
import Glibc

extension UnixSocket {
    /// Sends one descriptor with a few bytes that say what it is: one at least, as a stream carries no descriptor
    /// without data. The sender keeps its own copy.
    ///
    /// - Throws: `SystemError` when the other end is gone, or `payload` is empty or was cut.
    public static func sendDescriptor(_ descriptor: Int32, over socket: Int32, payload: [UInt8] = [0]) throws
    {
        guard !payload.isEmpty else {
            throw SystemError(.malformed, "a descriptor travels with at least one byte")
        }
        let sent = try payload.withUnsafeBytes {
            try checked(
                "cannot hand over a file", chost_send_fd(socket, $0.baseAddress, $0.count, descriptor))
        }
        if sent < payload.count {
            throw SystemError(
                .callFailed, "only \(sent) of \(payload.count) bytes went with the file", errno: EMSGSIZE)
        }
    }

    /// Receives at most one descriptor with the bytes that came with it. Blocks as the socket does. No bytes: the other
    /// end closed; no descriptor: only bytes came. The descriptor is close-on-exec and the caller's.
    ///
    /// - Throws: `SystemError` with `EMSGSIZE` when more than one descriptor came (all are closed).
    public static func receiveDescriptor(
        from socket: Int32, maxPayload: Int = 4096
    ) throws -> (descriptor: Int32?, payload: [UInt8]) {
        var descriptor: Int32 = -1
        let payload = try [UInt8](unsafeUninitializedCapacity: maxPayload) { buffer, count in
            count = try checked(
                "cannot receive a file", chost_recv_fd(socket, buffer.baseAddress, maxPayload, &descriptor))
        }
        return (descriptor >= 0 ? descriptor : nil, payload)
    }
}
