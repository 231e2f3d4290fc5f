// HTTP/1.1 over a Unix socket, for Docker and for engines: one bounded request, one bounded answer.
// It must never wait without a deadline, nor retry on its own: callers know what is safe to repeat.

import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// A server behind a Unix socket.
struct UnixHTTP: Sendable {
    struct Answer: Sendable {
        let status: Int
        let body: [UInt8]
    }

    /// The deadline passed before the answer was complete.
    struct TimedOut: Error {
        let limit: Duration
    }

    let client: HTTPClient
    let socketPath: String
    private let base: String

    init(client: HTTPClient, socketPath: String) {
        self.client = client
        self.socketPath = socketPath
        base = "http+unix://" + Self.percentEncoded(socketPath)
    }

    /// A client for local sockets. Whoever makes it shuts it down.
    static func makeClient(on group: any EventLoopGroup) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        // Waiting for a socket to appear would hide its absence; each engine call would look like a slow one.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        configuration.timeout.connect = .seconds(5)
        // For those that keep connections: engines close one that was idle for five seconds.
        configuration.connectionPool.idleTimeout = .seconds(1)
        return HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }

    /// - Parameter keeping: whether the connection is to serve the next request of its client, too. It may be closed by the
    ///   other side just when that leaves, and nobody can tell then what was heard: only for what does no harm twice.
    func request(
        _ method: String, _ path: String, json: [UInt8]? = nil, keeping: Bool = false
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: base + path)
        request.method = HTTPMethod(rawValue: method)
        // Docker answers 400 to a request without a Host header, which a Unix socket has no value for.
        request.headers.add(name: "Host", value: "docker")
        if !keeping { request.headers.add(name: "Connection", value: "close") }
        if let json {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: json))
        }
        return request
    }

    /// Sends a request and reads the whole answer.
    /// - Throws: `TimedOut`, or what the connection failed with.
    func send(
        _ method: String, _ path: String, json: [UInt8]? = nil, within limit: Duration,
        atMost bytes: Int = 4 << 20
    ) async throws -> Answer {
        let request = request(method, path, json: json)
        return try await Deadline.run(limit, orThrow: TimedOut(limit: limit)) {
            let response = try await client.execute(request, deadline: .distantFuture)
            let body = try await response.body.collect(upTo: bytes)
            return Answer(status: Int(response.status.code), body: Array(body.readableBytesView))
        }
    }

    /// Everything outside RFC 3986's unreserved characters, encoded: the path stands where a host name would.
    static func percentEncoded(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for c in path.utf8 {
            switch c {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: out.append(c)
            default: out += [0x25, digits[Int(c >> 4)], digits[Int(c & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
