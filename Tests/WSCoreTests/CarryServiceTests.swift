// Proves that ws-d carries to the endpoints of the list and nowhere else, follows no redirect, and takes no endless answer.

import Interfaces
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NodeConfig
import Testing
import Wire

@testable import WSCore

/// A server that answers every request with the same head and body.
private final class FixedAnswer: ChannelInboundHandler, Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    let status: HTTPResponseStatus
    let headers: HTTPHeaders
    let body: String

    init(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: String) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        var all = headers
        all.add(name: "Content-Length", value: "\(body.utf8.count)")
        context.write(
            wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: all))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}

/// Keeps the heads of the requests that pass.
private final class Listening: ChannelInboundHandler, Sendable {
    typealias InboundIn = HTTPServerRequestPart
    let seen: NIOLockedValueBox<[HTTPRequestHead]>
    init(_ seen: NIOLockedValueBox<[HTTPRequestHead]>) { self.seen = seen }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) { seen.withLockedValue { $0.append(head) } }
        context.fireChannelRead(data)
    }
}

@Suite struct CarryServiceTests {
    private func serve(
        _ status: HTTPResponseStatus, _ headers: HTTPHeaders = [:], _ body: String
    ) async throws -> (any Channel, String) {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(FixedAnswer(status, headers, body))
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        return (channel, "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/rpc")
    }

    private func carry(_ url: String, endpoint: String = "evm/test") async throws -> WSInterface.Carry.Reply {
        let service = CarryService(
            [CarryEndpoint(name: "evm/test", url: url)], group: MultiThreadedEventLoopGroup.singleton)
        do {
            let reply = try await service.carry(.init(endpoint: endpoint, body: "{}"), deadlineMs: 30_000)
            await service.close()
            return reply
        } catch {
            await service.close()
            throw error
        }
    }

    private func code(_ url: String, endpoint: String = "evm/test") async throws -> ErrorCode? {
        do {
            _ = try await carry(url, endpoint: endpoint)
            return nil
        } catch { return (error as? WireError)?.code }
    }

    @Test func whatIsOnTheListIsCarriedAndNothingElse() async throws {
        let (server, url) = try await serve(.ok, [:], #"{"id":1}"#)
        #expect(try await carry(url) == .init(status: 200, body: #"{"id":1}"#))
        for endpoint in ["evm/other", url, ""] {
            #expect(try await code(url, endpoint: endpoint) == .policyRefused)
        }
        try await server.close()
        #expect(try await code(url) == .unavailable)
    }

    @Test func aRedirectIsAnAnswerAndNotAWay() async throws {
        let (target, elsewhere) = try await serve(.ok, [:], "reached")
        let (server, url) = try await serve(.temporaryRedirect, ["Location": elsewhere], "")
        #expect(try await carry(url) == .init(status: 307, body: ""))
        try await server.close()
        try await target.close()
    }

    @Test func aSecretTravelsInTheHeaderOfTheConfigurationAndNowhereElse() async throws {
        let seen = NIOLockedValueBox<[HTTPRequestHead]>([])
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Listening(seen))
                    try channel.pipeline.syncOperations.addHandler(FixedAnswer(.ok, [:], "{}"))
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        let url = "http://127.0.0.1:\(server.localAddress?.port ?? 0)/base/"
        let service = CarryService(
            [
                CarryEndpoint(name: "keyed", url: url, header: "X-Api-Key"),
                CarryEndpoint(name: "plain", url: url),
            ], group: MultiThreadedEventLoopGroup.singleton)
        func code(_ request: WSInterface.Carry) async -> ErrorCode? {
            do {
                _ = try await service.carry(request, deadlineMs: 30_000)
                return nil
            } catch { return (error as? WireError)?.code }
        }
        #expect(await code(.init(endpoint: "keyed", body: "", path: "/api/v1/wallet", secret: "k1")) == nil)
        #expect(await code(.init(endpoint: "keyed", body: "{}", path: "/api", secret: "k1")) == nil)
        let heads = seen.withLockedValue { $0 }
        #expect(heads.map(\.uri) == ["/base/api/v1/wallet", "/base/api"])
        #expect(heads.map(\.method) == [.GET, .POST])
        #expect(heads.allSatisfy { $0.headers["X-Api-Key"] == ["k1"] })
        // No way out of the endpoint, no second header, and none at all where the configuration names none.
        for path in [
            "/../x", "api", "//a.example?x", "/a b", "/a?b=c", "/a%2e",
            "/" + String(repeating: "a", count: 256),
        ] {
            #expect(await code(.init(endpoint: "keyed", body: "", path: path, secret: "k")) == .policyRefused)
        }
        for secret in ["", "a\r\nX-Other: b", "a b"] {
            #expect(
                await code(.init(endpoint: "keyed", body: "", path: "/a", secret: secret)) == .policyRefused)
        }
        #expect(await code(.init(endpoint: "plain", body: "", path: "/a")) == .policyRefused)
        #expect(await code(.init(endpoint: "plain", body: "{}", secret: "k")) == .policyRefused)
        #expect(seen.withLockedValue { $0.count } == 2)
        await service.close()
        try await server.close()
    }

    @Test func anAnswerThatIsTooLongIsRefused() async throws {
        let long = String(repeating: "a", count: WSInterface.Carry.longestReply + 1)
        let (server, url) = try await serve(.ok, [:], long)
        #expect(try await code(url) == .tooLarge)
        try await server.close()
    }
}
