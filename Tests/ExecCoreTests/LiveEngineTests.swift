// Proves exec-d against the real Docker engine, the real image and the real model.
// They run when INFERNET_LIVE_IMAGE and INFERNET_LIVE_MODEL name an image id and a model file.

import FoundationEssentials
import Glibc
import Interfaces
import NodeModel
import Synchronization
import Testing
import Wire

@testable import ExecCore

private let live = getenv("INFERNET_LIVE_IMAGE") != nil && getenv("INFERNET_LIVE_MODEL") != nil

@Suite(
    .serialized, .enabled(if: live, "needs INFERNET_LIVE_IMAGE and INFERNET_LIVE_MODEL"),
    .timeLimit(.minutes(10)))
struct LiveEngineTests {
    @Test func aRealAnswerStreamsAndIsAccountedFor() async throws {
        try await LiveNode.with { node in
            let (reply, events) = try await node.ask("What is 2+2?", maxTokens: 24)
            let text = events.filter { $0.stage == .token }.map(\.text).joined()
            #expect(text.contains("4"))
            #expect(
                events.filter { $0.stage == .token }.map(\.sequence)
                    == Array(0..<UInt64(events.count { $0.stage == .token })))
            #expect(reply.resultHash == Digest(hashing: text))
            #expect(reply.usage.promptTokens > 10)
            #expect(reply.usage.completionTokens >= 4)
            #expect(reply.timings.loadMs > 0)
            #expect(try await node.store.last(1).first?.state == "done")
            let (again, later) = try await node.ask("What is 2+2?", maxTokens: 24)
            #expect(later.map(\.stage).first == .prompt, "a warm engine neither queues nor loads")
            #expect(again.resultHash == reply.resultHash)
            #expect(again.requestHash == reply.requestHash)
        }
    }

    /// Paid piece by piece: no further than is allowed, and the same answer when enough is.
    @Test func anAnswerEndsWhereItsAllowanceDoes() async throws {
        try await LiveNode.with { node in
            let question = "Count from one to fifty."
            let (whole, _) = try await node.ask(question, maxTokens: 48)
            let (job, payload) = try node.plain(question)
            let (same, events) = try await node.run(job, payload, maxTokens: 48, allowance: 8) {
                try? node.allowances.raise(job, to: 48)
            }
            #expect(same.resultHash == whole.resultHash && same.usage == whole.usage)
            let tokens = events.filter { $0.stage == .token }.map(\.tokens)
            #expect(tokens.first == 1 && tokens.last == 48 && tokens == tokens.sorted())
            // Nobody raises it: what was given is what is counted, and the slot is free again.
            let (cut, given) = try await node.run(
                try node.plain(question).0, payload, maxTokens: 48, allowance: 8)
            let text = given.filter { $0.stage == .token }.map(\.text).joined()
            #expect(cut.finish == .length && cut.usage.completionTokens <= 8)
            #expect(cut.usage.promptTokens == whole.usage.promptTokens)
            #expect(cut.resultHash == Digest(hashing: text) && !text.isEmpty)
            #expect(given.last?.tokens == UInt64(cut.usage.completionTokens))
            try await node.untilBusy(false)
        }
    }

    /// What is written around a call leaves nothing, and can be longer than what one voucher pays: who pays hears of each token.
    @Test func tokensAroundACallAreToldAsTheyCome() async throws {
        try await LiveNode.with { node in
            let city =
                #"{"type":"object","properties":{"city":{"type":"string","maxLength":20}},"required":["city"]}"#
            let tools = ToolUse(
                tools: [Tool(name: "get_weather", parameters: city)], choice: .required, parallel: false)
            let (job, payload) = try node.plain("What is the weather in Paris?", tools: tools)
            let (reply, events) = try await node.run(job, payload, maxTokens: 300, allowance: 300)
            #expect(reply.finish == .toolCalls)
            let told = events.filter { $0.stage == .token }.map(\.tokens)
            #expect(told.first == 1 && zip(told, told.dropFirst()).allSatisfy { $1 <= $0 + 2 }, "\(told)")
            // Who does not count gets nothing that says nothing.
            let (_, plain) = try await node.run(
                try node.plain("").0, payload, maxTokens: 300)
            let pieces = try plain.filter { $0.stage == .token }.map { try AnswerPiece(written: $0.text) }
            #expect(!pieces.isEmpty && pieces.allSatisfy { !$0.isEmpty } && pieces.count < told.count)
        }
    }

    /// Reading somebody's answer: its own words are the likeliest to the last, others' are not, and a job comes first.
    @Test func anAnswerIsReadAndAForeignOneIsSeen() async throws {
        try await LiveNode.with { node in
            let question = "What is the capital of France?"
            let (reply, events) = try await node.ask(question, maxTokens: 48)
            #expect(reply.finish == .length)
            let own = events.filter { $0.stage == .token }.map(\.text).joined()
            let read = try await node.score(question, own, ended: false)
            #expect(read.image == node.image && read.tokens > 4)
            #expect(read.marks.map(\.place) == Array(0..<read.tokens))
            #expect(read.marks.allSatisfy { $0.gap < 1 }, "\(read.marks)")
            let half = String(own.prefix(own.count / 2))
            let cut = try await node.score(question, half)
            #expect((cut.marks.last?.gap ?? 0) > 1, "an answer does not end there: \(cut.marks)")
            let without = try await node.score(question, half, ended: false)
            #expect(without.marks.count == without.tokens)
            let other = try await node.score(question, "Buy our coins, they can only rise.")
            #expect(other.marks.filter { $0.gap > 1 }.count >= 3, "\(other.marks)")
            await #expect(throws: WireError(.contextLengthExceeded, "")) {
                _ = try await node.score(question, String(repeating: "word ", count: 3_000))
            }
            let asked = Task { try await node.ask("Count from one to five hundred.", maxTokens: 900) }
            try await node.untilBusy(true)
            await #expect(throws: WireError(.tooManyRequests, "")) { _ = try await node.score(question, own) }
            asked.cancel()
            _ = try? await asked.value
            #expect(await node.house.snapshot.busy == 0)
        }
    }

    @Test func theContainerHasItsWalls() async throws {
        try await LiveNode.with { node in
            _ = try await node.ask("Hi", maxTokens: 2)
            let listed = try await node.docker.list(label: ContainerTemplate.nodeLabel, value: node.label)
            let container = try await node.docker.inspect(try #require(listed.first).id)
            #expect(container.image == node.image)
            #expect(container.state.running)
        }
    }

    @Test func aSealedJobRunsOnceAndOnlyItsClientReadsIt() async throws {
        try await LiveNode.with { node in
            let key = ContentKey()
            let (job, payload) = try node.sealed("What is 2+2?", key)
            node.contentKey.withLock { $0 = Hex.encode(key.bytes) }
            let (reply, events) = try await node.run(job, payload, maxTokens: 24)
            var answers = SealedStream(key: key, jobID: job, direction: .response)
            var text: [UInt8] = []
            for event in events where event.stage == .token {
                text += try answers.open(
                    Array(try #require(Data(base64Encoded: event.text))), sequence: event.sequence)
            }
            #expect(Digest(hashing: String(decoding: text, as: UTF8.self)) == reply.resultHash)
            await #expect(throws: WireError(.conflict, "")) {
                _ = try await node.run(job, payload, maxTokens: 24)
            }
        }
    }

    @Test func aPromptTooLongIsTheCallersError() async throws {
        try await LiveNode.with { node in
            let long = String(repeating: "word ", count: 3_000)
            do {
                _ = try await node.ask(long, maxTokens: 8)
                Issue.record("3000 words fitted")
            } catch let error as WireError {
                #expect(error.code == .contextLengthExceeded)
                #expect(error.message.contains("maximum context length is 1024 tokens"), "\(error)")
            }
        }
    }

    @Test func leavingFreesTheSlotWithinASecond() async throws {
        try await LiveNode.with { node in
            _ = try await node.ask("Hi", maxTokens: 2)
            let asked = Task { try await node.ask("Count from one to five hundred.", maxTokens: 900) }
            try await node.untilBusy(true)
            asked.cancel()
            let began = ContinuousClock.now
            await #expect(throws: WireError(.cancelled, "")) { _ = try await asked.value }
            try await node.untilBusy(false)
            #expect(ContinuousClock.now - began < .seconds(1))
            #expect(try await node.store.last(1).first?.state == "cancelled")
            #expect(await node.house.snapshot.busy == 0)
        }
    }

    @Test func aKilledContainerIsToldAndReplaced() async throws {
        try await LiveNode.with { node in
            _ = try await node.ask("Hi", maxTokens: 2)
            let asked = Task { try await node.ask("Count from one to five hundred.", maxTokens: 900) }
            try await node.untilBusy(true)
            let began = ContinuousClock.now
            for container in try await node.docker.list(label: ContainerTemplate.nodeLabel, value: node.label)
            {
                try await node.docker.kill(container.id)
            }
            do {
                _ = try await asked.value
                Issue.record("a killed engine answered")
            } catch let error as WireError {
                #expect(error.code == .engineUnavailable)
                #expect(error.message.contains("SIGKILL"), "\(error)")
            }
            #expect(ContinuousClock.now - began < .seconds(5))
            #expect(try await node.ask("Hi", maxTokens: 2).reply.usage.completionTokens > 0)
        }
    }

    @Test func aFrozenEngineIsFoundKilledAndReplaced() async throws {
        try await LiveNode.with(nextToken: .seconds(2)) { node in
            _ = try await node.ask("Hi", maxTokens: 2)
            let (pieces, came) = AsyncStream.makeStream(of: Void.self)
            let asked = Task {
                try await node.ask("Count from one to five hundred.", maxTokens: 900) { came.yield() }
            }
            for await _ in pieces { break }
            try await node.signalEngines("STOP")
            let began = ContinuousClock.now
            do {
                _ = try await asked.value
                Issue.record("a frozen engine answered")
            } catch let error as WireError {
                #expect(error.code == .engineUnavailable)
                #expect(error.message.contains("no further token within"), "\(error)")
            }
            #expect(ContinuousClock.now - began < .seconds(10))
            #expect(try await node.ask("Hi", maxTokens: 2).reply.usage.completionTokens > 0)
        }
    }

    @Test func moreCallersThanSlotsWaitAndTheRestIsRefused() async throws {
        try await LiveNode.with { node in
            _ = try await node.ask("Hi", maxTokens: 2)
            let codes = await withTaskGroup(of: ErrorCode?.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        do { _ = try await node.ask("Count to ten.", maxTokens: 16) } catch {
                            return WireError.wrapping(error).code
                        }
                        return nil
                    }
                }
                return await group.reduce(into: [ErrorCode?]()) { $0.append($1) }
            }
            // One slot, two places in the queue.
            #expect(codes.count { $0 == nil } == 3)
            #expect(codes.count { $0 == .tooManyRequests } == 1)
        }
    }

    @Test func containersWithoutAnEngineAreRemoved() async throws {
        try await LiveNode.with { node in
            try await node.orphan()
            #expect(try await node.house.reconcile() == 1)
            #expect(try await node.house.reconcile() == 0)
            _ = try await node.ask("Hi", maxTokens: 2)
            #expect(try await node.house.reconcile() == 0, "our own engine is no orphan")
        }
    }

    @Test func aFileThatIsNoModelIsSaid() async throws {
        try await LiveNode.with(model: "/etc/hostname") { node in
            do {
                _ = try await node.ask("Hi", maxTokens: 2)
                Issue.record("a text file answered")
            } catch let error as WireError {
                #expect(error.code == .engineUnavailable)
                #expect(error.message.contains("exit code 1"), "\(error)")
            }
            try await node.untilNoContainer()
        }
    }
}
