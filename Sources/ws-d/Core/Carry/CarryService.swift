// Carries what ledger-d hands over to the endpoints that the configuration names, and back what they said.
// It must never go where the list does not lead, follow a redirect, or repeat a request: ledger-d knows what is safe.

import AsyncHTTPClient
import Interfaces
import NIOCore
import NIOHTTP1
import NIOSSL
import NodeConfig
import Wire

/// The way out for requests of the one process that has no network.
final class CarryService: Sendable {
    private let endpoints: [String: CarryEndpoint]
    private let client: HTTPClient?
    /// One for each endpoint whose certificate is known: they believe in no other.
    private let pinned: [String: HTTPClient]

    /// - Parameter endpoints: the allow-list; when it is empty nothing is ever opened.
    init(_ endpoints: [CarryEndpoint], group: any EventLoopGroup) {
        self.endpoints = Dictionary(endpoints.map { ($0.name, $0) }) { first, _ in first }
        guard !endpoints.isEmpty else {
            (client, pinned) = (nil, [:])
            return
        }
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        // A kept connection may be closed by the other side just when the next request leaves; nobody could tell then
        // what was heard. ledger-d asks seldom enough that a new one costs nothing.
        configuration.connectionPool.idleTimeout = .seconds(1)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 4
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        var pinned: [String: HTTPClient] = [:]
        for endpoint in endpoints {
            guard let text = endpoint.certificate else { continue }
            var tls = TLSConfiguration.makeClientConfiguration()
            // What cannot be read leaves nobody to believe.
            let known = (try? NIOSSLCertificate.fromPEMBytes(Array(text.utf8))) ?? []
            tls.trustRoots = .certificates(known)
            configuration.tlsConfiguration = tls
            pinned[endpoint.name] = HTTPClient(
                eventLoopGroupProvider: .shared(group), configuration: configuration)
        }
        self.pinned = pinned
    }

    /// One request, one answer, whatever its status.
    ///
    /// - Parameter deadlineMs: for all of it.
    /// - Throws: `.policyRefused` for an endpoint that is not on the list, `.unavailable` when it does not answer,
    ///   `.tooLarge` or `.upstreamLost` when its answer cannot be carried.
    func carry(_ request: WSInterface.Carry, deadlineMs: Int) async throws -> WSInterface.Carry.Reply {
        // What is bought goes with its payment, and by no other door.
        guard !request.endpoint.hasPrefix(CarryEndpoint.shopPrefix),
            let (client, endpoint) = known(request.endpoint)
        else { throw Self.unknown(request.endpoint) }
        let outgoing = try Self.outgoing(request, to: endpoint)
        do {
            let response = try await client.execute(
                outgoing, timeout: .milliseconds(Int64(max(1, deadlineMs - 100))))
            let bytes =
                request.firstLine == true
                ? try await Self.firstLine(of: response.body)
                : try await response.body.collect(upTo: WSInterface.Carry.longestReply)
            guard let body = String(validating: bytes.readableBytesView, as: UTF8.self) else {
                throw WireError(.upstreamLost, "'\(request.endpoint)' answered with bytes that are no text.")
            }
            return WSInterface.Carry.Reply(status: Int(response.status.code), body: body)
        } catch { throw Self.unanswered(error, request.endpoint) }
    }

    /// An endpoint of the list, and who goes there.
    func known(_ name: String) -> (client: HTTPClient, endpoint: CarryEndpoint)? {
        guard let client, let endpoint = endpoints[name] else { return nil }
        return (pinned[name] ?? client, endpoint)
    }

    static func unknown(_ name: String) -> WireError {
        WireError(
            .policyRefused, "'\(name.prefix(64))' is no endpoint of this node's configuration.",
            fix: "See ledger in infernet.yaml.")
    }

    static func unanswered(_ error: any Error, _ name: String) -> WireError {
        if let error = error as? WireError { return error }
        if error is NIOTooManyBytesError {
            return WireError(.tooLarge, "'\(name)' answered with more than is carried.")
        }
        // The URL may hold a key of its owner's: it is not repeated here.
        return WireError(
            .unavailable, "'\(name)' does not answer.",
            fix: "See that its address under ledger is right, and that this machine reaches it.",
            retryAfterMs: 3_000, cause: "\(type(of: error))")
    }

    /// The first line, or all that came when there was none; what follows is not waited for.
    private static func firstLine(of body: HTTPClientResponse.Body) async throws -> ByteBuffer {
        var line = ByteBuffer()
        for try await part in body {
            let end = part.readableBytesView.firstIndex(of: UInt8(ascii: "\n"))
            line.writeBytes(part.readableBytesView[..<(end ?? part.readableBytesView.endIndex)])
            guard line.readableBytes <= WSInterface.Carry.longestReply else {
                throw WireError(.tooLarge, "A line of the answer is longer than is carried.")
            }
            if end != nil { break }
        }
        return line
    }

    private static func outgoing(
        _ request: WSInterface.Carry, to endpoint: CarryEndpoint
    ) throws -> HTTPClientRequest {
        var url = endpoint.url
        if let path = request.path {
            guard endpoint.header != nil, isPath(path) else {
                throw WireError(.policyRefused, "'\(endpoint.name)' is asked at no such path.")
            }
            if url.hasSuffix("/") { url.removeLast() }
            url += path
        }
        var outgoing = HTTPClientRequest(url: url)
        outgoing.headers.add(name: "Accept", value: "application/json")
        if let secret = request.secret {
            // The message never says what the secret is, nor that of which endpoint it could be.
            guard let header = endpoint.header, !secret.isEmpty,
                secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { throw WireError(.policyRefused, "'\(endpoint.name)' takes no such secret.") }
            outgoing.headers.add(name: header, value: secret)
        }
        guard !request.body.isEmpty else { return outgoing }
        outgoing.method = .POST
        outgoing.headers.add(name: "Content-Type", value: "application/json")
        outgoing.body = .bytes(ByteBuffer(string: request.body))
        return outgoing
    }

    /// A plain path, which leads nowhere but down from where it begins.
    private static func isPath(_ path: String) -> Bool {
        path.hasPrefix("/") && path.utf8.count <= 256 && !path.contains("..")
            && path.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x2D...0x39).contains($0)
                    || $0 == 0x5F || $0 == 0x3D
            }
    }

    /// Closes every connection.
    func close() async {
        try? await client?.shutdown()
        for client in pinned.values { try? await client.shutdown() }
    }
}
