// Proves what a server refuses, in which order, and what that costs the connection.

import Glibc
import IPC
import Interfaces
import NIOConcurrencyHelpers
import NodeSystem
import TestKit
import Testing
import Wire

/// A caller that writes what it likes.
struct RawCaller {
    let descriptor: Int32

    init(_ path: String) throws {
        descriptor = try UnixSocket.connect(to: path)
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    func send(_ text: String) { sendBytes(frame(Array(text.utf8))) }

    func frame(_ body: [UInt8]) -> [UInt8] {
        let n = UInt32(body.count)
        return [UInt8(n >> 24), UInt8(n >> 16 & 255), UInt8(n >> 8 & 255), UInt8(n & 255)] + body
    }

    func sendBytes(_ bytes: [UInt8]) { _ = write(descriptor, bytes, bytes.count) }

    /// One frame's text; nil when the server closed.
    func receive() -> String? {
        guard let head = read(4) else { return nil }
        let n = Int(head[0]) << 24 | Int(head[1]) << 16 | Int(head[2]) << 8 | Int(head[3])
        return read(n).map { String(decoding: $0, as: UTF8.self) }
    }

    private func read(_ n: Int) -> [UInt8]? {
        var out: [UInt8] = []
        while out.count < n {
            var chunk = [UInt8](repeating: 0, count: n - out.count)
            let got = Glibc.read(descriptor, &chunk, chunk.count)
            guard got > 0 else { return nil }
            out.append(contentsOf: chunk[0..<got])
        }
        return out
    }

    func hello() {
        send(#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"build":"t","interface":1}}"#)
        _ = receive()
    }
}

@Suite struct RefusalTests {
    private func serve(_ directory: TemporaryDirectory) async throws -> LoopbackServer {
        try await LoopbackServer(.ledger, runDirectory: directory.path, callers: [.ws, .ctl]) { router in
            router.on(LedgerInterface.Identity.self) { _, _ in LedgerInterface.Identity.example.reply }
            router.on(LedgerInterface.SignCard.self) { _, _ in LedgerInterface.SignCard.example.reply }
            router.on(LedgerInterface.SignPeerAuth.self) { _, _ in LedgerInterface.SignPeerAuth.example.reply
            }
        }
    }

    private func raw(_ directory: TemporaryDirectory, as caller: Role) throws -> RawCaller {
        try RawCaller("\(directory.path)/ledger-d/\(caller.rawValue).sock")
    }

    @Test func theFirstMessageMustBeHello() async throws {
        let directory = try TemporaryDirectory()
        let server = try await serve(directory)
        let caller = try raw(directory, as: .ws)
        caller.send(#"{"jsonrpc":"2.0","id":1,"method":"ledger.identity","params":{}}"#)
        #expect(caller.receive()?.contains("invalid_envelope") == true)
        #expect(caller.receive() == nil, "a sibling that breaks the protocol is disconnected")
        await server.close()
    }

    @Test func anotherInterfaceVersionIsRefusedWithAFix() async throws {
        let directory = try TemporaryDirectory()
        let server = try await serve(directory)
        let caller = try raw(directory, as: .ctl)
        caller.send(#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"build":"t","interface":99}}"#)
        let reply = caller.receive() ?? ""
        #expect(reply.contains("version_mismatch") && reply.contains("fix"))
        await server.close()
    }

    @Test func rightsAreJudgedBeforeParameters() async throws {
        let directory = try TemporaryDirectory()
        let server = try await serve(directory)
        let caller = try raw(directory, as: .ctl)
        caller.hello()
        // The parameters are nonsense; the answer must be about the right, not about them.
        caller.send(#"{"jsonrpc":"2.0","id":2,"method":"ledger.sign_card","params":{"card":7}}"#)
        #expect(caller.receive()?.contains("not_permitted") == true)
        // A person is told, and may go on.
        caller.send(#"{"jsonrpc":"2.0","id":3,"method":"ledger.identity","params":{}}"#)
        #expect(caller.receive()?.contains("npub") == true)
        await server.close()
    }

    @Test func aSiblingWithoutTheRightIsDisconnected() async throws {
        let directory = try TemporaryDirectory()
        let server = try await serve(directory)
        let caller = try raw(directory, as: .ws)
        caller.hello()
        caller.send(#"{"jsonrpc":"2.0","id":2,"method":"ledger.sign_card","params":{}}"#)
        #expect(caller.receive()?.contains("not_permitted") == true)
        #expect(caller.receive() == nil)
        await server.close()
    }

    @Test(arguments: [
        "not json", "[]", "{\"id\":1", "{\"id\":-1,\"method\":\"x\"}", "{\"id\":1,\"id\":2,\"method\":\"x\"}",
        "{\"id\":1,\"result\":{},\"error\":{}}", "\u{0}\u{0}",
    ])
    func garbageClosesTheConnection(_ text: String) async throws {
        let directory = try TemporaryDirectory()
        let server = try await serve(directory)
        let caller = try raw(directory, as: .ctl)
        caller.hello()
        caller.send(text)
        #expect(caller.receive()?.contains("\"error\"") == true)
        #expect(caller.receive() == nil)
        await server.close()
    }

    @Test func aClaimedLengthOverTheLimitIsRefusedAtOnce() async throws {
        let directory = try TemporaryDirectory()
        let server = try await serve(directory)
        let caller = try raw(directory, as: .ctl)
        caller.hello()
        caller.sendBytes([0x7F, 0xFF, 0xFF, 0xFF])
        #expect(caller.receive()?.contains("too_large") == true)
        #expect(caller.receive() == nil)
        await server.close()
    }

    @Test func wrongParametersAreExplainedByName() async throws {
        let directory = try TemporaryDirectory()
        let server = try await serve(directory)
        let caller = try raw(directory, as: .ws)
        caller.hello()
        caller.send(#"{"jsonrpc":"2.0","id":2,"method":"ledger.sign_peer_auth","params":{"challenge":7}}"#)
        let reply = caller.receive() ?? ""
        #expect(reply.contains("invalid_params") && reply.contains("challenge"))
        // A key that stands twice could mean two things to two readers.
        caller.send(
            #"{"jsonrpc":"2.0","id":3,"method":"ledger.sign_peer_auth","params":{"challenge":"a","challenge":"b"}}"#
        )
        #expect(caller.receive()?.contains("invalid_params") == true)
        await server.close()
    }

    @Test func framesInPiecesAndSeveralAtOnceAreTheSame() async throws {
        let directory = try TemporaryDirectory()
        let server = try await serve(directory)
        let caller = try raw(directory, as: .ctl)
        caller.hello()
        let one = caller.frame(Array(#"{"jsonrpc":"2.0","id":2,"method":"ledger.identity"}"#.utf8))
        for byte in one { caller.sendBytes([byte]) }
        #expect(caller.receive()?.contains("npub") == true)
        caller.sendBytes(one + one + one)
        for _ in 0..<3 { #expect(caller.receive()?.contains("npub") == true) }
        await server.close()
    }

    /// A caller that stays and reads nothing, as a program that was stopped: its request ends with its deadline.
    @Test func aCallerThatReadsNothingDoesNotOutlastItsDeadline() async throws {
        let directory = try TemporaryDirectory()
        let (began, ended) = (NIOLockedValueBox(false), NIOLockedValueBox(false))
        let server = try await LoopbackServer(
            .exec, runDirectory: directory.path, callers: [.aggregator],
            routes: { router in
                router.stream(ExecInterface.Run.self) { _, _, sink in
                    defer { ended.withLockedValue { $0 = true } }
                    began.withLockedValue { $0 = true }
                    let text = String(repeating: "x", count: 64 * 1024)
                    while true { try await sink.send(.init(stage: .token, text: text)) }
                }
            })
        let caller = try RawCaller("\(directory.path)/exec-d/aggregator-d.sock")
        caller.hello()
        let body = String(decoding: try ExecInterface.Run.example.request.jsonBytes(), as: UTF8.self)
        caller.send(
            #"{"jsonrpc":"2.0","id":2,"method":"exec.run","deadline_ms":300,"params":"# + body + "}")
        let end = ContinuousClock.now + .seconds(10)
        while !ended.withLockedValue({ $0 }), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(began.withLockedValue { $0 } && ended.withLockedValue { $0 })
        await server.close()
    }
}
