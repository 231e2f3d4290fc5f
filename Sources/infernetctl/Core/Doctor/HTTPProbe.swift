// Asks a loopback HTTP address whether it is alive, with plain sockets and a deadline.
// It must never follow what the answer says.

import Glibc
import Wire

/// One `GET /healthz`.
enum HTTPProbe {
    /// - Parameter address: `127.0.0.1:8080` or `[::1]:8080`.
    /// - Returns: the status code.
    /// - Throws: `WireError` in words when there is none within two seconds.
    static func status(of address: String) throws -> Int {
        guard let colon = address.lastIndex(of: ":") else { throw bad(address, "it has no port") }
        let host = address[..<colon].filter { $0 != "[" && $0 != "]" }
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let port = String(address[address.index(after: colon)...])
        guard getaddrinfo(String(host), port, &hints, &found) == 0, let target = found else {
            throw bad(address, "it is not a numeric address")
        }
        defer { freeaddrinfo(found) }
        let connection = socket(
            target.pointee.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard connection >= 0 else { throw bad(address, String(cString: strerror(errno))) }
        defer { close(connection) }
        // SO_SNDTIMEO bounds connect too (socket(7)).
        var timeout = timeval(tv_sec: 2, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(connection, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        guard connect(connection, target.pointee.ai_addr, target.pointee.ai_addrlen) == 0 else {
            throw bad(address, String(cString: strerror(errno)))
        }
        let request = Array("GET /healthz HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n".utf8)
        guard send(connection, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw bad(address, String(cString: strerror(errno)))
        }
        var answer = [UInt8](repeating: 0, count: 1024)
        let count = recv(connection, &answer, answer.count, 0)
        guard count > 12 else { throw bad(address, "no answer within two seconds") }
        let words = String(decoding: answer[..<count], as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard words.count > 1, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw bad(address, "something else than HTTP answers there")
        }
        return status
    }

    private static func bad(_ address: String, _ reason: String) -> WireError {
        WireError(
            .unavailable, "http://\(address) cannot be reached: \(reason).",
            fix: "See whether another program has the port (ss -ltnp), and 'infernetctl logs --daemon ws-d'.")
    }
}
