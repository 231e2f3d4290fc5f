// gRPC Swift's echo of 1 KiB, both ends: `serve SOCKET`, and `call SOCKET ROUNDS DEPTH`, which prints what the other
// callers print. It must never make gRPC slower than a service of its own makes it: bytes in, bytes out, no protobuf.

import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// The message is its bytes.
struct RawBytes: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}

let ping = MethodDescriptor(fullyQualifiedService: "infernet.Ping", method: "Ping")

struct Service: RegistrableRPCService {
    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(forMethod: ping, deserializer: RawBytes(), serializer: RawBytes()) {
            request, _ in
            let one = try await ServerRequest(stream: request)
            return StreamingServerResponse(single: ServerResponse(message: one.message))
        }
    }
}

@main enum Echo {
    static func main() async throws {
        let words = CommandLine.arguments
        if words.count == 3, words[1] == "serve" {
            let server = GRPCServer(
                transport: .http2NIOPosix(
                    address: .unixDomainSocket(path: words[2]), transportSecurity: .plaintext),
                services: [Service()])
            return try await server.serve()
        }
        guard words.count == 5, words[1] == "call", let rounds = Int(words[3]), let depth = Int(words[4]),
            rounds > 0, depth > 0
        else {
            FileHandle.standardError.write(Data("Echo serve SOCKET | call SOCKET ROUNDS DEPTH\n".utf8))
            exit(2)
        }
        let transport = try HTTP2ClientTransport.Posix(
            target: .unixDomainSocket(path: words[2]), transportSecurity: .plaintext)
        try await withGRPCClient(transport: transport) { client in
            print(try await measure(client, rounds, depth))
        }
    }

    static func measure(
        _ client: GRPCClient<HTTP2ClientTransport.Posix>, _ rounds: Int, _ depth: Int
    ) async throws -> String {
        let payload = [UInt8](repeating: 0x78, count: 1024)
        @Sendable func once() async throws {
            let reply = try await client.unary(
                request: ClientRequest(message: payload), descriptor: ping, serializer: RawBytes(),
                deserializer: RawBytes(), options: .defaults
            ) { try $0.message }
            guard reply.count == payload.count else { throw RPCError(code: .dataLoss, message: "short") }
        }
        for _ in 0..<200 { try await once() }
        let start = ContinuousClock.now
        var took: [Duration] = []
        if depth == 1 {
            for _ in 0..<rounds {
                let began = ContinuousClock.now
                try await once()
                took.append(.now - began)
            }
        } else {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<depth { group.addTask { for _ in 0..<(rounds / depth) { try await once() } } }
                try await group.waitForAll()
            }
        }
        let elapsed = ContinuousClock.now - start
        took.sort()
        let p50 = took.isEmpty ? 0 : took[took.count / 2] / .microseconds(1)
        let p99 = took.isEmpty ? 0 : took[took.count * 99 / 100] / .microseconds(1)
        return
            "{\"p50_us\":\(p50),\"p99_us\":\(p99),\"per_second\":\(Double(rounds) / (elapsed / .seconds(1)))}"
    }
}
