// Proves the line between nodes with two whole ws-d over loopback sockets: sealed jobs, acceptances, losses, limits.

import DaemonKit
import Foundation
import IPC
import Interfaces
import NIOConcurrencyHelpers
import NIOCore
import NodeConfig
import NodeModel
import Nostr
import Testing
import Wire

@testable import WSCore

@Suite(.timeLimit(.minutes(2))) struct PeerTests {
    private static let secret = "the prompt that nobody on the way may read"

    private static func request(to node: TestNode, _ payload: SealedPayload? = nil) -> WSInterface.RunJob {
        var job = PeerInterface.RunJob.example.request
        if let payload { job.payload = payload }
        return WSInterface.RunJob(endpoint: node.endpoint, provider: node.key.publicKey, job: job)
    }

    private static func code(_ body: () async throws -> Void) async -> WireError? {
        do {
            try await body()
            return nil
        } catch { return error as? WireError }
    }

    @Test func aSealedJobAndItsAcceptanceTravel() async throws {
        let key = ContentKey()
        let job = PeerInterface.RunJob.example.request.job
        let question = PayloadSeal(key: key, jobID: job, direction: .request)
        let answer = PayloadSeal(key: key, jobID: job, direction: .response)
        let ciphertext = Data(try question.seal(Array(Self.secret.utf8), sequence: 0)).base64EncodedString()
        let served = NIOLockedValueBox<AggregatorInterface.Serve?>(nil)
        let accepted = NIOLockedValueBox<AggregatorInterface.Accepted?>(nil)
        var script = TestScript()
        script.serve = { request, sink in
            served.withLockedValue { $0 = request }
            try await sink.send(.init(stage: .queued))
            for i in 0..<3 {
                let sealed = try answer.seal(Array("piece \(i)".utf8), sequence: UInt64(i))
                try await sink.send(
                    .init(stage: .token, sequence: UInt64(i), text: Data(sealed).base64EncodedString()))
            }
            return PeerInterface.RunJob.example.reply
        }
        script.accepted = { request in accepted.withLockedValue { $0 = request } }
        let credited = NIOLockedValueBox<AggregatorInterface.Credit?>(nil)
        script.credit = { request in
            let isFirst = credited.withLockedValue { seen in
                defer { seen = request }
                return seen == nil
            }
            guard isFirst else { throw WireError(.policyRefused, "not twice") }
            return PeerInterface.Credit.example.reply
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script)
        let client = try await TestNode()
        let events = NIOLockedValueBox<[PeerInterface.RunJob.Event]>([])
        let payload = SealedPayload(ciphertext: ciphertext, wrappedKey: "AgAA", sender: client.key.publicKey)
        let reply = try await client.line.stream(Self.request(to: provider, payload)) { event in
            events.withLockedValue { $0.append(event) }
        }
        #expect(reply == PeerInterface.RunJob.example.reply)
        // The provider was told the proved key, and got the payload as it was sealed.
        let seen = try #require(served.withLockedValue { $0 })
        #expect(seen.peer == client.key.publicKey)
        #expect(seen.job.payload == payload)
        let pieces = events.withLockedValue { $0 }
        #expect(pieces.map(\.stage) == [.queued, .token, .token, .token])
        for (i, piece) in pieces.dropFirst().enumerated() {
            let sealed = try #require(Data(base64Encoded: piece.text))
            #expect(try answer.open(Array(sealed), sequence: UInt64(i)) == Array("piece \(i)".utf8))
        }
        let bundle = PeerInterface.DeliverAcceptance.example.request.bundle
        _ = try await client.line.call(
            WSInterface.DeliverAcceptance(
                endpoint: provider.endpoint, provider: provider.key.publicKey, bundle: bundle))
        #expect(accepted.withLockedValue { $0 }?.peer == client.key.publicKey)
        #expect(accepted.withLockedValue { $0 }?.bundle == bundle)
        // So is what is asked about credit, under the proved key; and a refusal comes back as it is.
        let example = PeerInterface.Credit.example
        let wanted = WSInterface.Credit(
            endpoint: provider.endpoint, provider: provider.key.publicKey, request: example.request.request)
        #expect(try await client.hand.call(wanted) == example.reply)
        #expect(credited.withLockedValue { $0 }?.peer == client.key.publicKey)
        #expect(credited.withLockedValue { $0 }?.request == example.request.request)
        await #expect(throws: WireError(.policyRefused, "")) { try await client.hand.call(wanted) }
        // One session carried all, and both sides know whose it is.
        let out = await client.sessions()
        let incoming = await provider.sessions()
        #expect(out.map(\.peer) == [provider.key.publicKey] && out.map(\.outbound) == [true])
        #expect(incoming.map(\.peer) == [client.key.publicKey] && incoming.map(\.outbound) == [false])
        #expect(provider.metrics.text().contains(#"infernet_peer_handshakes_total{outcome="ok"} 1"#))
        await client.stop()
        await provider.stop()
    }

    @Test func aQuestionForAPriceTravelsWithTheProvedKey() async throws {
        let asked = NIOLockedValueBox<AggregatorInterface.Quote?>(nil)
        let example = PeerInterface.Quote.example
        var script = TestScript()
        script.quote = { request in
            asked.withLockedValue { $0 = request }
            guard request.quote.terms == example.request.terms else {
                throw WireError(.tooManyRequests, "no more now", retryAfterMs: 125)
            }
            return example.reply
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script)
        let client = try await TestNode()
        var call = WSInterface.Quote(
            endpoint: provider.endpoint, provider: provider.key.publicKey, quote: example.request)
        #expect(try await client.line.call(call) == example.reply)
        #expect(asked.withLockedValue { $0 }?.peer == client.key.publicKey)
        #expect(asked.withLockedValue { $0 }?.quote.terms == example.request.terms)
        call.quote.terms.size += 1
        do {
            _ = try await client.line.call(call)
            Issue.record("a refusal came as an answer")
        } catch let error as WireError {
            #expect(error.code == .tooManyRequests && error.retryAfterMs == 125)
        }
        await client.stop()
        await provider.stop()
    }

    @Test func aVoucherForTheNextPieceTravelsWithTheProvedKey() async throws {
        let taken = NIOLockedValueBox<[AggregatorInterface.TopUp]>([])
        var script = TestScript()
        script.topUp = { request in
            taken.withLockedValue { $0.append(request) }
            if request.topUp.tokens > 300 {
                throw WireError(.paymentRequired, "more is due", cause: "what is required")
            }
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script)
        let client = try await TestNode()
        var call = WSInterface.TopUp.example.request
        (call.endpoint, call.provider) = (provider.endpoint, provider.key.publicKey)
        _ = try await client.line.call(call)
        #expect(taken.withLockedValue { $0.map(\.peer) } == [client.key.publicKey])
        #expect(taken.withLockedValue { $0.map(\.topUp.job) } == [call.topUp.job])
        #expect(taken.withLockedValue { $0.map(\.topUp.tokens) } == [call.topUp.tokens])
        #expect(taken.withLockedValue { $0.map(\.topUp.payment) } == [call.topUp.payment])
        call.topUp.tokens = 301
        do {
            _ = try await client.line.call(call)
            Issue.record("a refusal came as an answer")
        } catch let error as WireError {
            #expect(error.code == .paymentRequired && error.cause == "what is required")
        }
        await client.stop()
        await provider.stop()
    }

    @Test func aRequestForWhatIsLeftTravelsWithTheProvedKey() async throws {
        let asked = NIOLockedValueBox<AggregatorInterface.Refund?>(nil)
        var script = TestScript()
        script.refund = { request in
            asked.withLockedValue { $0 = request }
            guard request.refund.request == "one" else {
                throw WireError(.policyRefused, "nothing is left", fix: "not for strangers")
            }
            return .init(amount: 7)
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script)
        let client = try await TestNode()
        func ask(_ request: String) async throws -> Int64 {
            try await client.line.call(
                WSInterface.AskRefund(
                    endpoint: provider.endpoint, provider: provider.key.publicKey,
                    refund: .init(request: request))
            ).amount
        }
        #expect(try await ask("one") == 7)
        #expect(asked.withLockedValue { $0 }?.peer == client.key.publicKey)
        // A refusal comes back as one, without advice that is for the other node's people.
        do {
            _ = try await ask("two")
            Issue.record("a refusal came as an answer")
        } catch let error as WireError {
            #expect(error.code == .policyRefused && error.message.contains("nothing is left"))
            #expect(error.fix?.contains("not for strangers") != true)
        }
        await client.stop()
        await provider.stop()
    }

    @Test func aProviderThatDiesMidStreamIsReportedAtOnce() async throws {
        let streaming = Flag()
        var script = TestScript()
        script.serve = { _, sink in
            try await sink.send(.init(stage: .token, text: "AAAA"))
            try await Task.sleep(for: .seconds(60))
            return PeerInterface.RunJob.example.reply
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script)
        let client = try await TestNode()
        async let outcome = Self.code {
            _ = try await client.line.stream(Self.request(to: provider)) { _ in streaming.raise() }
        }
        #expect(await streaming.raised())
        let began = ContinuousClock.now
        await provider.kill()
        let error = await outcome
        #expect(error?.code == .upstreamLost)
        #expect(error?.message.contains(provider.endpoint) == true)
        #expect(ContinuousClock.now - began < .seconds(1))
        await client.stop()
    }

    /// A provider whose process is frozen keeps its sockets open: only unanswered pings tell.
    @Test func aFrozenProviderIsReportedAfterItsMissedPings() async throws {
        let streaming = Flag()
        let frozen = Flag()
        var script = TestScript()
        script.serve = { _, sink in
            try await sink.send(.init(stage: .token, text: "AAAA"))
            try await Task.sleep(for: .seconds(60))
            return PeerInterface.RunJob.example.reply
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script)
        let client = try await TestNode {
            $0.peer.pingIntervalMs = 100
            $0.peer.missedPings = 3
        }
        async let outcome = Self.code {
            _ = try await client.line.stream(Self.request(to: provider)) { _ in streaming.raise() }
        }
        #expect(await streaming.raised())
        // Its loop stands still, as a stopped process would.
        provider.freeze(for: .seconds(3), frozen)
        #expect(await frozen.raised())
        let began = ContinuousClock.now
        let error = await outcome
        #expect(error?.code == .upstreamLost)
        #expect(error?.message.contains("pings") == true)
        #expect(ContinuousClock.now - began < .seconds(2))
        await client.stop()
        await provider.stop()
    }

    /// A peer that asks and never reads what comes back is not answered into memory: it is not read any more, and closed.
    @Test func aPeerThatAsksAndNeverReadsIsNotReadEither() async throws {
        let provider = try await TestNode(host: "127.0.0.2") {
            $0.peer.pingIntervalMs = 400
            $0.peer.missedPings = 3
        }
        let client = try await TestNode()
        let hub = client.daemon.hub
        let endpoint = try PeerEndpoint(provider.endpoint)
        let session = try await hub.loop.flatSubmit {
            PeerDialer.dial(endpoint, provider: provider.key.publicKey, own: client.key.publicKey, hub)
        }.get()
        let (batches, batch) = (300, 1_000)
        try await hub.loop.submit { session.connection.pause(true) }.get()
        for first in 0..<batches {
            // Its own loop must not stand still meanwhile: whoever says nothing is silent for another reason.
            try await hub.loop.submit {
                for number in 1...batch {
                    let id = first * batch + number
                    let question = #"{"jsonrpc":"2.0","id":\#(id),"method":"nothing.such","params":{}}"#
                    session.connection.send(Array(question.utf8)[...])
                }
            }.get()
        }
        let end = ContinuousClock.now + .seconds(20)
        while !provider.metrics.text().contains(#"reason="peer_silent"} 1"#), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(20))
        }
        let text = provider.metrics.text()
        #expect(text.contains(#"reason="peer_silent"} 1"#))
        let answered = try #require(
            text.firstMatch(of: /reason="peer_unknown_method"} ([0-9]+)/).flatMap { Int($0.1) }, "\(text)")
        // What two sockets' buffers hold, at some 150 bytes an answer.
        #expect(answered > 0 && answered < batches * batch / 2)
        await client.stop()
        await provider.stop()
    }

    @Test func aRestartedProviderIsUsedAgain() async throws {
        let first = try await TestNode(host: "127.0.0.2")
        let client = try await TestNode()
        _ = try await client.line.stream(Self.request(to: first)) { _ in }
        await first.kill()
        let gone = await Self.code { _ = try await client.line.stream(Self.request(to: first)) { _ in } }
        #expect(gone?.code == .upstreamLost)
        let second = try await TestNode(host: "127.0.0.2", key: first.key, peerPort: first.peerPort)
        _ = try await client.line.stream(Self.request(to: second)) { _ in }
        await client.stop()
        await second.stop()
    }

    @Test func cancellingReachesTheProvider() async throws {
        let streaming = Flag()
        let cancelled = Flag()
        var script = TestScript()
        script.serve = { _, sink in
            try await sink.send(.init(stage: .token, text: "AAAA"))
            do { try await Task.sleep(for: .seconds(60)) } catch {
                cancelled.raise()
                throw error
            }
            return PeerInterface.RunJob.example.reply
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script)
        let client = try await TestNode()
        let task = Task {
            _ = try await client.line.stream(Self.request(to: provider)) { _ in streaming.raise() }
        }
        #expect(await streaming.raised())
        task.cancel()
        #expect(await cancelled.raised(within: .seconds(1)))
        // The session outlives the job.
        #expect(await client.sessions().count == 1)
        await client.stop()
        await provider.stop()
    }

    @Test func aProviderWithAnotherKeyIsNotUsed() async throws {
        let provider = try await TestNode(host: "127.0.0.2")
        let client = try await TestNode()
        var request = Self.request(to: provider)
        request.provider = SecretKey.generate().publicKey
        let wrong = request
        let error = await Self.code { _ = try await client.line.stream(wrong) { _ in } }
        #expect(error?.code == .verificationFailed)
        #expect(await client.sessions().isEmpty)
        #expect(await provider.sessions().isEmpty)
        await client.stop()
        await provider.stop()
    }

    /// Whoever relays the greeting of one endpoint to another gets nowhere: the proof names the endpoint.
    @Test func aProviderDialledUnderAnotherEndpointRefuses() async throws {
        let provider = try await TestNode(host: "127.0.0.2") {
            $0.peer.advertise = "ws://127.0.0.9:9103/peer"
        }
        let client = try await TestNode()
        let error = await Self.code { _ = try await client.line.stream(Self.request(to: provider)) { _ in } }
        #expect(error?.code == .upstreamLost)
        #expect(error?.message.contains("was made for the endpoint") == true)
        #expect(provider.metrics.text().contains(#"outcome="verification_failed""#))
        await client.stop()
        await provider.stop()
    }

    @Test func endpointsThatCannotBeDialledAreExplained() async throws {
        let client = try await TestNode()
        let key = SecretKey.generate().publicKey
        let job = PeerInterface.RunJob.example.request
        for (endpoint, expected) in [
            ("ws://node.example:1/peer", ErrorCode.invalidParams), ("ws://127.0.0.4:9/peer", .upstreamLost),
            ("ws://127.0.0.1:\(client.httpPort)/peer", .upstreamLost),
        ] {
            let error = await Self.code {
                _ = try await client.line.stream(
                    WSInterface.RunJob(endpoint: endpoint, provider: key, job: job)
                ) { _ in }
            }
            #expect(error?.code == expected)
            #expect(error?.fix != nil)
        }
        await client.stop()
    }

    /// The provider's own troubles are not told to strangers.
    @Test func errorsCrossWithoutTheProvidersInsides() async throws {
        var script = TestScript()
        script.serve = { _, _ in
            throw WireError(.unavailable, "no socket at /run/infernet/exec-d", fix: "sudo", cause: "ENOENT")
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script)
        let client = try await TestNode()
        let error = await Self.code { _ = try await client.line.stream(Self.request(to: provider)) { _ in } }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("/run") == false)
        #expect(error?.fix == nil && error?.cause == nil)
        await client.stop()
        await provider.stop()
    }

    @Test func jobsAtOnceAreLimitedForEachSession() async throws {
        let begun = Flag()
        var script = TestScript()
        script.serve = { _, _ in
            begun.raise()
            try await Task.sleep(for: .seconds(60))
            return PeerInterface.RunJob.example.reply
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script) { $0.peer.maxJobsPerPeer = 1 }
        let client = try await TestNode()
        let first = Task { _ = try await client.line.stream(Self.request(to: provider)) { _ in } }
        #expect(await begun.raised())
        let second = await Self.code { _ = try await client.line.stream(Self.request(to: provider)) { _ in } }
        #expect(second?.code == .tooManyRequests)
        #expect(second?.retryAfterMs != nil)
        first.cancel()
        await client.stop()
        await provider.stop()
    }

    @Test func aDeadlineEndsTheWait() async throws {
        var script = TestScript()
        script.serve = { _, _ in
            try await Task.sleep(for: .seconds(60))
            return PeerInterface.RunJob.example.reply
        }
        let provider = try await TestNode(host: "127.0.0.2", script: script)
        let client = try await TestNode()
        let error = await Self.code {
            _ = try await client.line.stream(Self.request(to: provider), deadlineMs: 300) { _ in }
        }
        #expect(error?.code == .deadlineExceeded)
        await client.stop()
        await provider.stop()
    }
}
