// Carries what ledger-d hands over to the endpoints that the configuration names, and back what they said.
// It must never go where the list does not lead, follow a redirect, or repeat a request: ledger-d knows what is safe.

import AsyncHTTPClient
import Interfaces
import NIOCore
import NIOHTTP1
import NodeConfig
import Wire

/// The way out for requests of the one process that has no network.
final class CarryService: Sendable {
    private let urls: [String: String]
    private let client: HTTPClient?

    /// - Parameter endpoints: the allow-list; when it is empty nothing is ever opened.
    init(_ endpoints: [CarryEndpoint], group: any EventLoopGroup) {
        urls = Dictionary(endpoints.map { ($0.name, $0.url) }) { first, _ in first }
        guard !urls.isEmpty else {
            client = nil
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
    }

    /// One request, one answer, whatever its status.
    ///
    /// - Parameter deadlineMs: for all of it.
    /// - Throws: `.policyRefused` for an endpoint that is not on the list, `.unavailable` when it does not answer,
    ///   `.tooLarge` or `.upstreamLost` when its answer cannot be carried.
    func carry(_ request: WSInterface.Carry, deadlineMs: Int) async throws -> WSInterface.Carry.Reply {
        guard let client, let url = urls[request.endpoint] else {
            throw WireError(
                .policyRefused,
                "'\(request.endpoint.prefix(64))' is no endpoint of this node's configuration.",
                fix: "See ledger.chains in infernet.yaml.")
        }
        var outgoing = HTTPClientRequest(url: url)
        outgoing.method = .POST
        outgoing.headers.add(name: "Content-Type", value: "application/json")
        outgoing.headers.add(name: "Accept", value: "application/json")
        outgoing.body = .bytes(ByteBuffer(string: request.body))
        do {
            let response = try await client.execute(
                outgoing, timeout: .milliseconds(Int64(max(1, deadlineMs - 100))))
            let bytes = try await response.body.collect(upTo: WSInterface.Carry.longestReply)
            guard let body = String(validating: bytes.readableBytesView, as: UTF8.self) else {
                throw WireError(.upstreamLost, "'\(request.endpoint)' answered with bytes that are no text.")
            }
            return WSInterface.Carry.Reply(status: Int(response.status.code), body: body)
        } catch let error as WireError { throw error } catch is NIOTooManyBytesError {
            throw WireError(.tooLarge, "'\(request.endpoint)' answered with more than is carried.")
        } catch {
            // The URL may hold a key of its owner's: it is not repeated here.
            throw WireError(
                .unavailable, "'\(request.endpoint)' does not answer.",
                fix: "See that the address under ledger.chains is right, and that this machine reaches it.",
                retryAfterMs: 3_000, cause: "\(type(of: error))")
        }
    }

    /// Closes every connection.
    func close() async { try? await client?.shutdown() }
}
