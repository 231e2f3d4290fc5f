// Reads an answer that is written as JSON, while it comes: words in `content`, or calls in `tool_calls`, as `ToolSchema` has them.
// It must never give a word or a call that is not there whole so far, nor guess at what is written otherwise.

import NodeModel
import Wire

/// An incremental reader of one answer.
struct WrittenAnswer: Sendable {
    private enum Place: Hashable, Sendable {
        case open, kind, kindColon, words, list, call, nameKey, nameColon, name, comma, argumentsKey
        case argumentsColon, arguments, callEnd, next, close, done
    }

    /// Whether the words are JSON of their own; else they are the text of a string.
    private let keepsJSON: Bool
    private var place = Place.open
    /// A short string while it comes; nil between them.
    private var word: [UInt8]?
    private var value = ValueScanner()
    /// What of a string's text cannot be read before more comes.
    private var held: [UInt8] = []
    private var calls = 0
    private var isCalls = false
    /// Whether the quote before the words was read.
    private var hasBegun = false
    private let makeID: @Sendable (Int) -> String

    init(keepsJSON: Bool, makeID: @escaping @Sendable (Int) -> String = { _ in Self.randomID() }) {
        self.keepsJSON = keepsJSON
        self.makeID = makeID
    }

    /// Whether it is written to its end.
    var isWhole: Bool { place == .done }

    /// Whether it is one in words, as far as it came.
    var hasWords: Bool { !isCalls && (place == .words || place == .close) }

    /// Takes what came next.
    ///
    /// - Returns: what of it is words and calls.
    /// - Throws: `engine_unavailable` for anything that is not written so.
    mutating func take(_ text: String) throws(WireError) -> AnswerPiece {
        var piece = AnswerPiece()
        var argument: [UInt8] = []
        for byte in text.utf8 {
            if place == .words || place == .arguments {
                if value.isAhead, Self.isSpace(byte) { continue }
                let inside = value.take(byte)
                if inside != .after {
                    if place == .words { held.append(byte) } else { argument.append(byte) }
                }
                guard inside != .inside else { continue }
                if place == .arguments {
                    flush(&argument, into: &piece)
                } else {
                    try say(&piece, isLast: true)
                }
                place = place == .words ? .close : .callEnd
                if inside == .last { continue }
            }
            if word == nil, Self.isSpace(byte) { continue }
            try step(byte, &piece)
        }
        flush(&argument, into: &piece)
        if place == .words { try say(&piece, isLast: false) }
        return piece
    }

    private mutating func step(_ byte: UInt8, _ piece: inout AnswerPiece) throws(WireError) {
        switch place {
        case .open: try expect(byte, 0x7B, then: .kind)
        case .kind:
            guard let kind = try string(byte) else { return }
            guard kind == "content" || kind == "tool_calls" else { throw Self.fault }
            (place, word) = (.kindColon, nil)
            isCalls = kind == "tool_calls"
        case .kindColon:
            try expect(byte, 0x3A, then: isCalls ? .list : .words)
            value = ValueScanner()
        case .list: try expect(byte, 0x5B, then: .call)
        case .call: try expect(byte, 0x7B, then: .nameKey)
        case .nameKey: try key(byte, "name", then: .nameColon)
        case .nameColon: try expect(byte, 0x3A, then: .name)
        case .name:
            guard let name = try string(byte) else { return }
            (place, word) = (.comma, nil)
            piece.calls.append(AnswerPiece.Call(index: calls, id: makeID(calls), name: name))
            calls += 1
        case .comma: try expect(byte, 0x2C, then: .argumentsKey)
        case .argumentsKey: try key(byte, "arguments", then: .argumentsColon)
        case .argumentsColon:
            try expect(byte, 0x3A, then: .arguments)
            value = ValueScanner()
        case .callEnd: try expect(byte, 0x7D, then: .next)
        case .next:
            if byte == 0x2C { place = .call } else { try expect(byte, 0x5D, then: .close) }
        case .close: try expect(byte, 0x7D, then: .done)
        case .words, .arguments, .done: throw Self.fault
        }
    }

    private mutating func expect(_ byte: UInt8, _ wanted: UInt8, then next: Place) throws(WireError) {
        guard byte == wanted else { throw Self.fault }
        place = next
    }

    private mutating func key(_ byte: UInt8, _ wanted: String, then next: Place) throws(WireError) {
        guard let key = try string(byte) else { return }
        guard key == wanted else { throw Self.fault }
        (place, word) = (next, nil)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    /// A byte of a short string; the string when it ends with it. Names and keys have nothing that is escaped.
    private mutating func string(_ byte: UInt8) throws(WireError) -> String? {
        guard let known = word else {
            guard byte == 0x22 else { throw Self.fault }
            word = []
            return nil
        }
        guard byte != 0x22 else { return String(decoding: known, as: UTF8.self) }
        guard byte != 0x5C, known.count < ToolLimits.longestName else { throw Self.fault }
        word?.append(byte)
        return nil
    }

    private func flush(_ argument: inout [UInt8], into piece: inout AnswerPiece) {
        guard !argument.isEmpty else { return }
        let text = String(decoding: argument, as: UTF8.self)
        argument.removeAll()
        if let last = piece.calls.indices.last {
            piece.calls[last].arguments += text
        } else {
            piece.calls.append(AnswerPiece.Call(index: calls - 1, arguments: text))
        }
    }

    /// Gives the words that can be read by now.
    private mutating func say(_ piece: inout AnswerPiece, isLast: Bool) throws(WireError) {
        if keepsJSON {
            piece.text += String(decoding: held, as: UTF8.self)
            held.removeAll()
            return
        }
        // Past the quote that begins it, and before the one that ends it.
        var ready = held[...]
        if !hasBegun, ready.first == 0x22 {
            hasBegun = true
            ready = ready.dropFirst()
        }
        guard hasBegun else {
            if ready.isEmpty, !isLast { return }
            throw Self.fault
        }
        if isLast { ready = ready.dropLast() }
        let length = isLast ? ready.count : Self.readable(ready)
        piece.text += try Self.unescaped(Array(ready.prefix(length)))
        held = Array(ready.dropFirst(length))
    }

    /// How many bytes end before an escape that is not whole, a pair of surrogates being one.
    private static func readable(_ bytes: ArraySlice<UInt8>) -> Int {
        var at = bytes.startIndex
        while at < bytes.endIndex {
            guard bytes[at] == 0x5C else {
                at += 1
                continue
            }
            let left = bytes.endIndex - at
            guard left > 1 else { break }
            let isUnicode = bytes[at + 1] == 0x75
            guard left >= (isUnicode ? 6 : 2) else { break }
            // \uD800 to \uDBFF: the other half follows.
            let isHigh =
                isUnicode && (bytes[at + 2] | 0x20) == 0x64
                && [0x38, 0x39, 0x61, 0x62].contains(bytes[at + 3] | 0x20)
            guard !isHigh || left >= 12 else { break }
            at += isHigh ? 12 : isUnicode ? 6 : 2
        }
        return at - bytes.startIndex
    }

    private static func unescaped(_ raw: [UInt8]) throws(WireError) -> String {
        let text = raw.withUnsafeBytes { try? JSONText.unescape($0, escaped: $0.contains(0x5C)) }
        guard let text else { throw fault }
        return text
    }

    private static var fault: WireError {
        EngineAnswer.broken("is not written in the form that it was held to")
    }

    /// 24 letters and digits of chance.
    static func randomID() -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        return "call_" + String((0..<24).map { _ in letters.randomElement() ?? "0" })
    }
}

/// Finds where a JSON value ends.
private struct ValueScanner: Sendable {
    enum Step { case inside, last, after }
    private var depth = 0
    private var inString = false
    private var isEscaped = false
    private var isScalar = false

    /// Whether nothing of the value came yet.
    var isAhead: Bool { depth == 0 && !inString && !isScalar }

    mutating func take(_ byte: UInt8) -> Step {
        if inString {
            if isEscaped {
                isEscaped = false
            } else if byte == 0x5C {
                isEscaped = true
            } else if byte == 0x22 {
                inString = false
            }
            return !inString && depth == 0 ? .last : .inside
        }
        if isScalar { return [0x2C, 0x7D, 0x5D, 0x20, 0x0A, 0x0D, 0x09].contains(byte) ? .after : .inside }
        switch byte {
        case 0x22: inString = true
        case 0x7B, 0x5B: depth += 1
        case 0x7D, 0x5D:
            guard depth > 0 else { return .after }
            depth -= 1
            if depth == 0 { return .last }
        default: if depth == 0 { isScalar = true }
        }
        return .inside
    }
}
