// The sum of an answer while it comes: its hash, what it weighs, its calls; and whether it is one that was asked for. Pure.
// It must never depend on how the answer was cut into pieces, nor take what another node may make without bound.

import Crypto
import FoundationEssentials

/// Why a piece does not belong to an answer.
public struct AnswerFault: Error, Hashable, Sendable {
    /// As in "the answer …".
    public let what: String

    public init(what: String) { self.what = what }
}

/// A running sum. Both sides of a job make it of the same pieces, and come to the same hash.
public struct AnswerSum: Sendable {
    /// What a call weighs besides its characters: the tokens of what is written around them.
    public static let callWeight = 64
    /// Most tokens of one piece that are told with their likelihood.
    static let mostTokens = 512
    /// The longest text of one token, in bytes.
    static let longestToken = 512

    private struct Open: Sendable {
        var head: String
        var length = 0
        var arguments = SHA256()
    }

    private let tools: ToolUse?
    private let likeliest: Int?
    /// Calls so far.
    public private(set) var calls = 0
    private var ids: Set<String> = []
    private var open: Open?
    private var hasTokens = false
    private var words = SHA256()
    private var lines = SHA256()
    private var tokens = SHA256()

    public init(of request: InferenceRequest) {
        tools = request.tools
        likeliest = request.sampling.logprobs
    }

    /// Takes the next piece.
    ///
    /// - Returns: what it weighs: no token of it but the silent ones is lighter than 1. Words weigh their bytes; where they may have
    ///   been written as JSON, the longest way to write them so.
    public mutating func add(_ piece: AnswerPiece) throws(AnswerFault) -> Int {
        var weight = 0
        if !piece.text.isEmpty { weight += try add(text: piece.text) }
        for call in piece.calls { weight += try add(call) }
        try add(piece.tokens)
        return weight
    }

    /// Words alone; the hot path.
    public mutating func add(text: String) throws(AnswerFault) -> Int {
        guard calls == 0 else { throw AnswerFault(what: "has words behind its calls") }
        var text = text
        text.withUTF8 { words.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return tools == nil ? text.utf8.count : Self.longestJSON(text)
    }

    private mutating func add(_ call: AnswerPiece.Call) throws(AnswerFault) -> Int {
        guard let tools else { throw AnswerFault(what: "has calls that nobody asked for") }
        var weight = call.arguments.utf8.count
        if call.index == calls {
            try begin(call, tools)
            weight += Self.callWeight + (call.name?.utf8.count ?? 0)
        } else {
            guard call.index == calls - 1, call.id == nil, call.name == nil else {
                throw AnswerFault(what: "has its calls out of order")
            }
        }
        open?.length += call.arguments.utf8.count
        guard let length = open?.length, length <= ToolLimits.longestArguments else {
            throw AnswerFault(
                what: "has a call with more than \(ToolLimits.longestArguments) bytes of arguments")
        }
        open?.arguments.update(data: Data(call.arguments.utf8))
        return weight
    }

    private mutating func begin(_ call: AnswerPiece.Call, _ tools: ToolUse) throws(AnswerFault) {
        guard let id = call.id, let name = call.name, ToolLimits.isID(id) else {
            throw AnswerFault(what: "has a call without id or name")
        }
        guard calls < tools.mostCalls else { throw AnswerFault(what: "has more calls than were asked for") }
        guard tools.callable.contains(where: { $0.name == name }) else {
            throw AnswerFault(what: "calls a function that was not offered")
        }
        guard ids.insert(id).inserted else { throw AnswerFault(what: "has two calls of one id") }
        close()
        calls += 1
        open = Open(head: "\(id) \(name)")
    }

    /// `ID NAME HASH`: none of the three has a blank.
    private mutating func close() { if let line { lines.update(data: Data(line.utf8)) } }

    private var line: String? {
        open.map { "\($0.head) \(Hex.encode(Array($0.arguments.finalize())))\n" }
    }

    private mutating func add(_ more: [AnswerPiece.Token]) throws(AnswerFault) {
        guard !more.isEmpty else { return }
        guard let likeliest else { throw AnswerFault(what: "tells likelihoods that nobody asked for") }
        guard more.count <= Self.mostTokens else { throw AnswerFault(what: "has a piece of too many tokens") }
        hasTokens = true
        for token in more {
            guard token.top.count <= likeliest, ([token.chosen] + token.top).allSatisfy(Self.isPlausible),
                let line = try? AnswerPiece.encoder.encode(token)
            else { throw AnswerFault(what: "tells likelihoods that cannot be") }
            tokens.update(data: line + Data([0x0A]))
        }
    }

    private static func isPlausible(_ choice: AnswerPiece.Choice) -> Bool {
        choice.logprob.isFinite && choice.logprob <= 0 && choice.bytes.count <= longestToken
            && choice.token.utf8.count <= longestToken
    }

    /// SHA-256 of the words. Where there is more than words: of a byte that no text begins with, and the three hashes of words,
    /// calls and likelihoods.
    public var hash: Digest {
        let words = Array(words.finalize())
        guard calls > 0 || hasTokens else { return Digest(unchecked: words) }
        var lines = lines
        if let line { lines.update(data: Data(line.utf8)) }
        return Digest(hashing: Data([0xFF] + words) + Data(lines.finalize()) + Data(tokens.finalize()))
    }

    /// Bytes of a text in a JSON string, each character written in the longest way that engines write it.
    static func longestJSON(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { sum, scalar in
            switch scalar.value {
            case 0x22, 0x5C, 0x08, 0x09, 0x0A, 0x0C, 0x0D: sum + 2
            case 0x20..<0x7F: sum + 1
            case 0x10000...: sum + 12
            default: sum + 6
            }
        }
    }
}
