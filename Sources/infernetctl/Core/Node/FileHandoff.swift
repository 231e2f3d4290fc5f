// Hands an open file to content-d over its handoff socket, so that content-d needs no right to the person's files.
// It must never hand over anything but the file that was named.

import Glibc
import NodeModel
import NodeSystem
import Wire

/// Gives a file away under a token.
enum FileHandoff {
    /// Sends the file.
    ///
    /// - Returns: the token for `content.import`, in hexadecimal.
    static func give(_ descriptor: Int32, socket path: String) throws -> String {
        var info = stat()
        if lstat(path, &info) != 0, errno == ENOENT { throw NotRunning(path: path, reason: "no socket") }
        let connection: Int32
        do { connection = try UnixSocket.connect(to: path) } catch let error as SystemError {
            if error.errno == ECONNREFUSED { throw NotRunning(path: path, reason: "nobody answers") }
            throw error
        }
        defer { close(connection) }
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(connection, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        var random = SystemRandomNumberGenerator()
        let token = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        try UnixSocket.sendDescriptor(descriptor, over: connection, payload: token)
        var answer = [UInt8](repeating: 0, count: 512)
        let count = recv(connection, &answer, answer.count, 0)
        guard count > 0 else {
            throw WireError(
                .deadlineExceeded, "content-d did not answer on its handoff socket.",
                fix: "Look at 'infernetctl status'.")
        }
        guard answer[0] == 1 else {
            throw WireError(
                .invalidRequest,
                "content-d did not take the file: \(String(decoding: answer[1..<count], as: UTF8.self)).")
        }
        return Hex.encode(token)
    }
}
