// Which JSON Schemas an answer may be held to: what the engine makes rules of in little time, and follows at each token.
// It must never let through what keeps an engine from its other jobs: rules of a schema are walked for every token.

import NodeModel
import Wire

/// The walk over one schema. What a stranger may send costs no more than this, however it is nested.
struct SchemaRules {
    /// Most members of one object, values of one `enum`, or schemas side by side.
    static let widest = 128
    /// Most of them in all, those of a definition as often as it is referred to.
    static let most = 1_024
    /// Most items, or characters, that a bound may count.
    static let highest: UInt64 = 256

    /// Why a schema is not taken; the words hold nothing of it but keywords.
    struct Refusal: Error, Hashable {
        let message: String
    }

    /// Bounds that the engine makes repetitions of.
    private static let bounds = ["minItems", "maxItems", "minLength", "maxLength"]
    /// Keywords whose value is data, or is looked at where it is referred to.
    private static let data = ["enum", "const", "default", "examples", "$defs", "definitions"]
    /// What would be made rules of without bound.
    private static let refused = ["pattern", "patternProperties"]

    private var count = 0
    /// What `$defs` and `definitions` of the whole hold, by how they are referred to.
    private var definitions: [String: UnsafeRawBufferPointer] = [:]
    /// The references that are being followed; one to itself is followed once.
    private var followed: Set<String> = []

    /// - Returns: how many members and values it has in all.
    /// - Throws: `Refusal`.
    @discardableResult
    static func check(_ schema: String) throws(Refusal) -> Int {
        let longest = AnswerFormat.longestSchema
        guard schema.utf8.count <= longest else {
            throw Refusal(message: "The schema has more than \(longest) bytes.")
        }
        let outcome = Array(schema.utf8).withUnsafeBytes { bytes -> Result<Int, Refusal> in
            var scanner = JSONScanner(bytes)
            do {
                guard try scanner.peek() == 0x7B else { throw JSONFault.unexpected(at: 0) }
                try scanner.validate()
                try scanner.expectEnd()
            } catch {
                return .failure(Refusal(message: "The schema must be a JSON object."))
            }
            var (rules, again) = (SchemaRules(), JSONScanner(bytes))
            do {
                try rules.define(bytes)
                try rules.schema(&again)
                return .success(rules.count)
            } catch let refusal as Refusal {
                return .failure(refusal)
            } catch { return .failure(Refusal(message: "The schema cannot be read.")) }
        }
        return try outcome.get()
    }

    private mutating func define(_ whole: UnsafeRawBufferPointer) throws {
        var scanner = JSONScanner(whole)
        for (place, value) in try members(&scanner) where ["$defs", "definitions"].contains(place) {
            var inner = JSONScanner(value)
            guard try inner.peek() == 0x7B else { continue }
            for (name, schema) in try members(&inner) { definitions["#/\(place)/\(name)"] = schema }
        }
    }

    /// A definition counts wherever it is referred to: a few that refer to each other twice would be more than anybody can walk.
    private mutating func follow(_ s: inout JSONScanner) throws {
        guard try s.peek() == 0x22 else { return }
        let reference = try s.string()
        guard let target = definitions[reference] else {
            throw Refusal(
                message: "The schema has a '$ref' to something else than a name in its own '$defs'.")
        }
        guard followed.insert(reference).inserted else { return }
        try each([target])
        followed.remove(reference)
    }

    /// A schema: an object of keywords, or a boolean.
    private mutating func schema(_ s: inout JSONScanner) throws {
        guard try s.peek() == 0x7B else {
            _ = try s.skip()
            return
        }
        for (key, value) in try members(&s) {
            var inner = JSONScanner(value)
            if Self.refused.contains(key) {
                throw Refusal(message: "The schema's '\(key)' is not supported; leave it out.")
            } else if key == "$ref" {
                try follow(&inner)
            } else if Self.bounds.contains(key) {
                // A fraction or a negative number means nothing here, and the engine refuses it.
                guard (try? inner.unsigned()).map({ $0 <= Self.highest }) ?? true else {
                    throw Refusal(message: "The schema's '\(key)' is over \(Self.highest).")
                }
            } else if key == "properties" {
                if try inner.peek() == 0x7B { try each(members(&inner).map(\.value)) }
            } else if Self.data.contains(key) {
                if try inner.peek() == 0x5B { _ = try items(&inner) }
            } else if try inner.peek() == 0x5B {
                try each(items(&inner))
            } else {
                try schema(&inner)
            }
        }
    }

    private mutating func each(_ schemas: [UnsafeRawBufferPointer]) throws {
        for bytes in schemas {
            var scanner = JSONScanner(bytes)
            try schema(&scanner)
        }
    }

    private mutating func members(
        _ s: inout JSONScanner
    ) throws -> [(key: String, value: UnsafeRawBufferPointer)] {
        var found: [(key: String, value: UnsafeRawBufferPointer)] = []
        try s.object { (s, range) throws(JSONFault) in
            let raw = UnsafeRawBufferPointer(rebasing: s.bytes[range])
            let key = try JSONText.unescape(raw, escaped: raw.contains(0x5C))
            found.append((key, UnsafeRawBufferPointer(rebasing: s.bytes[try s.skip()])))
        }
        try add(found.count)
        return found
    }

    private mutating func items(_ s: inout JSONScanner) throws -> [UnsafeRawBufferPointer] {
        var found: [UnsafeRawBufferPointer] = []
        try s.expect(0x5B)
        while try s.peek() != 0x5D {
            if !found.isEmpty { try s.expect(0x2C) }
            found.append(UnsafeRawBufferPointer(rebasing: s.bytes[try s.skip()]))
        }
        try add(found.count)
        return found
    }

    private mutating func add(_ more: Int) throws(Refusal) {
        count += more
        guard more <= Self.widest else {
            throw Refusal(message: "The schema has more than \(Self.widest) members or values in one place.")
        }
        guard count <= Self.most else {
            throw Refusal(message: "The schema has more than \(Self.most) members and values.")
        }
    }
}
