// Proves calls, streams, deadlines, cancellation and refusals over real Unix sockets.

import IPC
import Interfaces
import Logging
import NIOConcurrencyHelpers
import NIOPosix
import TestKit
import Testing
import Wire

@Suite struct RPCRoundTripTests {
    private func server(
        _ directory: TemporaryDirectory, routes: (inout Router) -> Void
    ) async throws -> LoopbackServer {
        try await LoopbackServer(
            .exec, runDirectory: directory.path, callers: [.aggregator, .ctl], routes: routes)
    }

    @Test func aCallComesBackWithItsReply() async throws {
        let directory = try TemporaryDirectory()
        let server = try await server(directory) { router in
            router.on(ControlInterface.Ping.self) { .init(payload: $0.payload + "\($1.caller)") }
        }
        let link = server.link(as: .ctl)
        let reply = try await link.call(ControlInterface.Ping(payload: "ä\"\n"))
        #expect(reply.payload == "ä\"\ninfernetctl")
    }

    @Test func anAnswerAtOnceIsAnAnswerLikeAnother() async throws {
        let directory = try TemporaryDirectory()
        let server = try await server(directory) { router in
            router.answer(ControlInterface.Ping.self) { request, context in
                guard request.payload != "bad" else { throw WireError(.conflict, "Not that.") }
                #expect(context.deadline > .now)
                return .init(payload: request.payload + "\(context.caller)")
            }
        }
        let link = server.link(as: .ctl)
        #expect(try await link.call(ControlInterface.Ping(payload: "x")).payload == "xinfernetctl")
        await #expect(throws: WireError(.conflict, "")) {
            _ = try await link.call(ControlInterface.Ping(payload: "bad"))
        }
        #expect(try await link.call(ControlInterface.Ping(payload: "y")).payload == "yinfernetctl")
    }

    @Test func manyCallsAtOnceAreEachAnsweredOnce() async throws {
        let directory = try TemporaryDirectory()
        let server = try await server(directory) { router in
            router.on(ControlInterface.Ping.self) { request, _ in
                if request.payload.hasSuffix("7") { try await Task.sleep(for: .milliseconds(5)) }
                return .init(payload: request.payload)
            }
        }
        let link = server.link(as: .ctl)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for i in 0..<200 {
                group.addTask {
                    try await link.call(ControlInterface.Ping(payload: "\(i)")).payload == "\(i)"
                }
            }
            for try await same in group { #expect(same) }
        }
    }

    @Test func eventsComeInOrderBeforeTheReply() async throws {
        let directory = try TemporaryDirectory()
        let server = try await server(directory) { router in
            router.stream(ExecInterface.Run.self) { _, _, sink in
                for i in 0..<500 {
                    try await sink.send(.init(stage: .token, sequence: UInt64(i), text: "t\(i)"))
                }
                return ExecInterface.Run.example.reply
            }
        }
        let seen = NIOLockedValueBox<[UInt64]>([])
        _ = try await server.link(as: .aggregator).stream(ExecInterface.Run.example.request) { event in
            seen.withLockedValue { $0.append(event.sequence) }
        }
        #expect(seen.withLockedValue { $0 } == (0..<500).map { UInt64($0) })
    }

    @Test func aSlowReaderSlowsTheWriterDown() async throws {
        let directory = try TemporaryDirectory()
        let sent = NIOLockedValueBox(0)
        let server = try await server(directory) { router in
            router.stream(ExecInterface.Run.self) { _, _, sink in
                let text = String(repeating: "x", count: 100_000)
                for i in 0..<400 {
                    try await sink.send(.init(stage: .token, sequence: UInt64(i), text: text))
                    sent.withLockedValue { $0 += 1 }
                }
                return ExecInterface.Run.example.reply
            }
        }
        // 40 MB do not fit into the sockets' buffers and the reader's bound of 16 MiB together.
        await #expect(throws: WireError(.tooLarge, "")) {
            _ = try await server.link(as: .aggregator).stream(ExecInterface.Run.example.request) { _ in
                try await Task.sleep(for: .seconds(1))
            }
        }
        #expect(sent.withLockedValue { $0 } < 400)
    }

    @Test func theDeadlineEndsAHandlerThatWaits() async throws {
        let directory = try TemporaryDirectory()
        let ended = NIOLockedValueBox(false)
        let server = try await server(directory) { router in
            router.on(ControlInterface.Ping.self) { _, _ in
                defer { ended.withLockedValue { $0 = true } }
                try await Task.sleep(for: .seconds(60))
                return .init(payload: "")
            }
        }
        await #expect(throws: WireError(.deadlineExceeded, "")) {
            try await server.link(as: .ctl).call(ControlInterface.Ping(payload: ""), deadlineMs: 100)
        }
        try await eventually { ended.withLockedValue { $0 } }
    }

    @Test func cancellingTheCallerCancelsTheHandler() async throws {
        let directory = try TemporaryDirectory()
        let started = NIOLockedValueBox(false)
        let ended = NIOLockedValueBox(false)
        let server = try await server(directory) { router in
            router.stream(ExecInterface.Run.self) { _, _, sink in
                defer { ended.withLockedValue { $0 = true } }
                started.withLockedValue { $0 = true }
                try await Task.sleep(for: .seconds(60))
                return ExecInterface.Run.example.reply
            }
        }
        let link = server.link(as: .aggregator)
        let task = Task { _ = try await link.stream(ExecInterface.Run.example.request) { _ in } }
        try await eventually { started.withLockedValue { $0 } }
        task.cancel()
        try await eventually { ended.withLockedValue { $0 } }
        await #expect(throws: (any Error).self) { try await task.value }
    }

    @Test func theCallersDeathCancelsTheHandler() async throws {
        let directory = try TemporaryDirectory()
        let started = NIOLockedValueBox(false)
        let ended = NIOLockedValueBox(false)
        let server = try await server(directory) { router in
            router.stream(ExecInterface.Run.self) { _, _, _ in
                defer { ended.withLockedValue { $0 = true } }
                started.withLockedValue { $0 = true }
                try await Task.sleep(for: .seconds(60))
                return ExecInterface.Run.example.reply
            }
        }
        let link = server.link(as: .aggregator)
        let task = Task { _ = try await link.stream(ExecInterface.Run.example.request) { _ in } }
        try await eventually { started.withLockedValue { $0 } }
        link.close()
        try await eventually { ended.withLockedValue { $0 } }
        await #expect(throws: WireError(.upstreamLost, "")) { try await task.value }
    }

    @Test func anAbsentServerIsUnavailableWithAFix() async throws {
        let directory = try TemporaryDirectory()
        let server = try await server(directory) { _ in }
        await server.close()
        let link = PeerLink(
            callee: .exec, path: directory.appending("nobody.sock"), loop: server.group.next(),
            log: .init(label: "test"))
        do {
            _ = try await link.call(ControlInterface.Ping(payload: ""))
            Issue.record("the call must fail")
        } catch let error as WireError {
            #expect(error.code == .unavailable)
            #expect(error.fix != nil)
        }
    }

    @Test func aLinkFindsTheServerAgainAfterItsRestart() async throws {
        let directory = try TemporaryDirectory()
        let first = try await server(directory) { router in
            router.on(ControlInterface.Ping.self) { _, _ in .init(payload: "first") }
        }
        let link = first.link(as: .ctl)
        #expect(try await link.call(ControlInterface.Ping(payload: "")).payload == "first")
        await first.close()
        _ = try await server(directory) { router in
            router.on(ControlInterface.Ping.self) { _, _ in .init(payload: "second") }
        }
        link.close()
        #expect(try await link.call(ControlInterface.Ping(payload: "")).payload == "second")
    }
}
