// Proves that a call which another node gives is the one that its receipt is for, that nobody can give one that was not offered,
// and that whoever cannot read such a request is passed over.

import Interfaces
import NodeModel
import Nostr
import Synchronization
import Testing
import Wire

@testable import AggregatorCore

@Suite struct ToolJobTests {
    static let use = ToolUse(tools: [Tool(name: "get_weather"), Tool(name: "now")])

    static func request(_ use: ToolUse = use) -> InferenceRequest {
        var request = FakeHouse.request()
        request.tools = use
        return request
    }

    static func call(_ index: Int, _ name: String?, _ arguments: String) throws -> String {
        try AnswerPiece(calls: [
            AnswerPiece.Call(
                index: index, id: name.map { _ in "call_\(index)" }, name: name, arguments: arguments)
        ]).written()
    }

    static func pieces() throws -> [String] {
        [try call(0, "get_weather", ""), try call(0, nil, #"{"city":"#), try call(0, nil, #""Rome"}"#)]
    }

    @Test func aCallComesAsItWasGivenAndTheJobSaysSo() async throws {
        let pieces = try Self.pieces()
        let (house, _) = try await RemoteJobTests.house { script in
            script.pieces = pieces
            script.tamper = { $0.finish = .toolCalls }
        }
        try await house.start()
        let seen = Seen()
        let reply = try await house.submit(Self.request(), seen: seen)
        #expect(reply.finish == .toolCalls)
        #expect(seen.withLock { $0.events.filter { $0.stage == .token }.map(\.text) } == pieces)
        #expect(reply.record.reason == "answered and accepted; it asks for 1 call of functions")
        #expect(house.script.withLock { $0.acceptedReceipts.count } == 1)
        await house.stop()
    }

    @Test func anAnswerInWordsIsOneToo() async throws {
        let words = try AnswerPiece(text: "Sunny.").written()
        let (house, _) = try await RemoteJobTests.house { $0.pieces = [words] }
        try await house.start()
        let reply = try await house.submit(Self.request(), seen: Seen())
        #expect(reply.finish == .stop && reply.record.reason == "answered and accepted")
        await house.stop()
    }

    enum Lie: String, CaseIterable, Sendable {
        case otherArguments, otherName, notOffered, words, noCall, endsAsWords, endsAsCall, tooMany,
            tooManyTokens, notWritten
    }

    @Test(arguments: Lie.allCases) func aLieIsFoundAndNothingIsAccepted(lie: Lie) async throws {
        let pieces = try Self.pieces()
        let (other, renamed) = (try Self.call(0, nil, #""Oslo"}"#), try Self.call(0, "now", ""))
        let (unknown, words) = (try Self.call(0, "rm", "{}"), try AnswerPiece(text: "x").written())
        let second = try Self.call(1, "now", "{}")
        var use = Self.use
        if lie == .noCall { use.choice = .required }
        if lie == .tooMany { use.parallel = false }
        let honest = try FakeEngine.hash(pieces, of: Self.request())
        let (house, _) = try await RemoteJobTests.house { script in
            script.pieces = pieces
            script.tamper = { $0.finish = .toolCalls }
            switch lie {
            // The receipt is for one call, and another came.
            case .otherArguments: script.pieces[2] = other
            case .otherName: script.pieces[0] = renamed
            case .notOffered: script.pieces = [unknown]
            case .words: script.pieces.append(words)
            case .noCall: (script.pieces, script.tamper) = ([words], { _ in })
            case .endsAsWords: script.tamper = { _ in }
            case .endsAsCall: script.pieces = [words]
            case .tooMany: script.pieces.append(second)
            // 64 for what is written around the call, its name, its arguments, and the few that leave nothing.
            case .tooManyTokens:
                script.tamper = {
                    $0.finish = .toolCalls
                    $0.usage.completionTokens = 64 + 11 + 15 + 32 + 1
                    $0.price = $0.unitPrice.total(promptTokens: 12, completionTokens: 123) ?? 0
                }
            case .notWritten: script.pieces[1] = "{"
            }
            if lie == .otherArguments || lie == .otherName {
                script.tamper = { ($0.finish, $0.resultHash) = (.toolCalls, honest) }
            }
        }
        try await house.start()
        var request = Self.request(use)
        request.sampling.maxTokens = 1_000
        let error = await house.refused(request, seen: Seen())
        #expect(error?.code == .verificationFailed, "\(lie): \(String(describing: error))")
        #expect(house.script.withLock { $0.acceptedReceipts.isEmpty }, "\(lie) was paid for")
        await house.stop()
    }

    @Test func whoeverCannotReadItIsPassedOverWithoutBlame() async throws {
        let (house, first) = try await RemoteJobTests.house { script in
            script.dieAfter = 0
            script.error = WireError(.invalidRequest, "The sealed request holds no inference request.")
        }
        let (second, other) = (SecretKey.generate(), "ws://127.0.0.4:9104/peer")
        let card = try RemoteJobTests.card(second, other, price: 5)
        var script = ProviderScript(key: second, client: house.key.publicKey, pieces: try Self.pieces())
        script.tamper = { $0.finish = .toolCalls }
        let made = script
        house.script.withLock {
            $0.cards.append(card)
            $0.providers[other] = made
        }
        try await house.start()
        #expect(try await house.submit(Self.request(), seen: Seen()).record.peer == second.publicKey)
        let now = WallClock.system.seconds
        #expect(house.daemon?.house.withBook { $0.failure(first.publicKey, now: now) } == nil)
        await house.stop()
    }
}
