// Values of the hot messages with whatever may stand in them, and texts that were changed a little; each seed makes its own.
// It must never be kinder than a stranger: control characters, numbers at their ends and every rare field come up.

import NodeModel

@testable import Interfaces

struct RandomValues: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func bool() -> Bool { next() & 1 == 0 }
    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    mutating func maybe<T>(_ make: (inout RandomValues) -> T) -> T? { bool() ? make(&self) : nil }
    mutating func many<T>(_ most: Int, _ make: (inout RandomValues) -> T) -> [T] {
        (0..<below(most + 1)).map { _ in make(&self) }
    }

    // MARK: Parts

    mutating func integer() -> Int64 {
        switch below(6) {
        case 0: [0, -1, .max, .min, 1 << 53, (1 << 53) - 1, 1 - (1 << 53), -(1 << 53)][below(8)]
        case 1: Int64(bitPattern: next())
        default: Int64(below(2_000_000))
        }
    }

    mutating func double() -> Double {
        switch below(5) {
        case 0:
            [0, -0.0, 1, 0.7, -2, 1e-7, 1e300, 0.1 + 0.2, .leastNonzeroMagnitude, 123_456_789.5][below(10)]
        case 1: Double(bitPattern: next() & 0x7FEF_FFFF_FFFF_FFFF)
        case 2: Double(below(100))
        default: Double(below(200)) / 100
        }
    }

    mutating func text() -> String {
        let pieces = [
            "a", "Hello", " ", "/", "\\", "\"", "\n", "\r\n", "\t", "\u{8}", "\u{C}", "\0", "\u{1B}",
            "\u{1F}", "\u{7F}",
            "é", "日本", "🦊", "\u{2028}", "e\u{301}", "{}", "[1,2]", "\\u0041", "x",
        ]
        var text = ""
        for _ in 0..<below(12) { text += pieces[below(pieces.count)] }
        return text
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
    mutating func key() -> PublicKey { PublicKey(bytes: bytes(32)) ?? LedgerInterface.exampleBody.client }
    mutating func digest() -> Digest { Digest(hashing: bytes(4)) }
    mutating func job() -> JobID { JobID(milliseconds: next() >> 20, random: &self) }
    mutating func usage() -> Usage { Usage(promptTokens: integer(), completionTokens: integer()) }
    mutating func timings() -> StageTimings {
        StageTimings(queueMs: integer(), loadMs: integer(), firstTokenMs: integer(), generateMs: integer())
    }
    mutating func finish() -> FinishReason { [.stop, .length, .toolCalls][below(3)] }
    mutating func asset() -> Asset { bool() ? .testCredit : Asset(rawValue: text()) }

    // MARK: Messages

    mutating func event() -> SignedEvent {
        SignedEvent(
            id: text(), pubkey: key(), createdAt: integer(), kind: Int(integer()),
            tags: many(3) { $0.many(3) { $0.text() } }, content: text(), sig: text())
    }

    mutating func bundle() -> ReceiptBundle {
        ReceiptBundle(receipt: event(), acceptance: maybe { $0.event() })
    }

    mutating func body() -> ReceiptBody {
        var body = ReceiptBody(
            job: job(), provider: key(), client: key(), model: text(), modelRoot: digest(), image: text(),
            requestHash: digest(), resultHash: digest(), usage: usage(), timings: timings(), finish: finish(),
            unitPrice: UnitPrice(asset: asset(), prompt: integer(), completion: integer()), price: integer(),
            finishedAt: integer())
        if below(4) == 0 { body.version = Int(integer()) }
        return body
    }

    /// Two of three have nothing rare in them.
    mutating func request() -> InferenceRequest {
        let isRare = below(3) == 0
        return InferenceRequest(
            model: text(),
            messages: many(4) { make in
                ChatMessage(
                    role: make.text(), content: make.text(),
                    calls: isRare && make.bool()
                        ? make.many(2) { ToolCall(id: $0.text(), name: $0.text(), arguments: $0.text()) }
                        : nil,
                    answers: isRare ? make.maybe { $0.text() } : nil)
            },
            sampling: Sampling(
                temperature: maybe { $0.double() }, topP: maybe { $0.double() }, seed: maybe { $0.integer() },
                presencePenalty: maybe { $0.double() }, frequencyPenalty: maybe { $0.double() },
                maxTokens: maybe { Int($0.integer()) }, stop: maybe { $0.many(3) { $0.text() } },
                logprobs: isRare ? maybe { $0.below(20) } : nil,
                logitBias: isRare ? maybe { ["\($0.below(99))": $0.double()] } : nil),
            format: isRare ? maybe { $0.bool() ? .object : .schema($0.text()) } : nil,
            tools: isRare
                ? maybe { make in
                    ToolUse(
                        tools: make.many(2) { Tool(name: $0.text(), description: $0.maybe { $0.text() }) },
                        choice: make.bool() ? .auto : .required, only: make.maybe { $0.text() },
                        parallel: make.bool())
                } : nil)
    }

    mutating func record() -> AggregatorInterface.Record {
        AggregatorInterface.Record(
            job: job(), side: [.local, .client, .provider][below(3)],
            state: AggregatorInterface.State.allCases[below(AggregatorInterface.State.allCases.count)],
            reason: text(), fix: maybe { $0.text() }, model: text(), peer: maybe { $0.key() },
            createdAt: integer(), updatedAt: integer(), usage: maybe { $0.usage() },
            timings: maybe { $0.timings() }, price: maybe { $0.integer() }, asset: maybe { $0.asset() },
            quote: maybe { $0.text() })
    }

    mutating func submitReply() -> AggregatorInterface.Submit.Reply {
        .init(record: record(), finish: finish(), modelRoot: digest(), receipt: bundle())
    }

    mutating func run() -> ExecInterface.Run {
        let sealed = SealedPayload(ciphertext: text(), wrappedKey: text(), sender: key())
        return ExecInterface.Run(
            job: job(), model: text(), payload: below(4) == 0 ? .sealed(sealed) : .plain(request()),
            maxTokens: Int(integer()), allowance: below(4) == 0 ? Int(integer()) : nil)
    }

    mutating func runReply() -> ExecInterface.Run.Reply {
        .init(
            model: text(), modelRoot: digest(), image: text(), requestHash: digest(), resultHash: digest(),
            usage: usage(), timings: timings(), finish: finish())
    }

    // MARK: Changes

    /// The text with one or two small changes, which may leave it right.
    mutating func changed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let snippets = [
            ",", ":", "\"", "{", "}", "[", "]", "null", "0", "-", ".0", "e1", " ", "\\u0041", "\\ud83d",
            "true",
            ",\"x\":1", "\"model\":\"m\",", "\"sampling\":{},", "\"tools\":null,", "\"conversation\":[],",
            "\u{0}", "é",
        ]
        for _ in 0..<(1 + below(2)) {
            let place = below(max(1, bytes.count))
            switch below(4) {
            case 0: bytes.insert(contentsOf: snippets[below(snippets.count)].utf8, at: place)
            case 1: if !bytes.isEmpty { bytes.remove(at: place) }
            case 2: if !bytes.isEmpty { bytes[place] = UInt8(truncatingIfNeeded: next()) }
            default:
                // One member again, or one less.
                let marks = bytes.indices.filter { bytes[$0] == 0x2C }
                guard marks.count > 1 else { continue }
                let first = marks[below(marks.count - 1)]
                let range = first..<(marks.first { $0 > first } ?? bytes.count)
                if bool() {
                    bytes.insert(contentsOf: Array(bytes[range]), at: first)
                } else {
                    bytes.removeSubrange(range)
                }
            }
        }
        return bytes
    }
}
