// What hand-written readers of messages share: names, hashes and the numbers of a job.
// It must never take a spelling that the types' own decoders would refuse.

import NodeModel
import Wire

extension JSONWriter {
    /// A document, by hand where it can be.
    mutating func document(_ document: some PlainDocument & WireValue) throws {
        let start = bytes.count
        if document.write(into: &bytes) { return }
        bytes.removeSubrange(start...)
        try document.writeByCodable(to: &self)
    }

    mutating func hex(_ bytes: [UInt8]) { PlainJSON.hex(bytes, into: &self.bytes) }
}

extension JSONScanner {
    /// A value that is written as a text of one form.
    mutating func spelled<Value>(_ make: (String) -> Value?) throws(JSONFault) -> Value {
        guard let value = make(try string()) else { throw .unexpected(at: position) }
        return value
    }

    mutating func key() throws(JSONFault) -> PublicKey { try spelled { PublicKey(hex: $0) } }
    mutating func digest() throws(JSONFault) -> Digest { try spelled { Digest(hex: $0) } }
    mutating func job() throws(JSONFault) -> JobID { try spelled { JobID($0) } }
    mutating func finish() throws(JSONFault) -> FinishReason { try spelled { FinishReason(rawValue: $0) } }

    mutating func strings() throws(JSONFault) -> [String] {
        var strings: [String] = []
        try array { (s) throws(JSONFault) in strings.append(try s.string()) }
        return strings
    }

    mutating func usage() throws(JSONFault) -> Usage {
        var (prompt, completion): (Int64?, Int64?)
        try object { (s, key) throws(JSONFault) in
            if s.matches(key, "prompt_tokens") {
                try s.once(&prompt) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "completion_tokens") {
                try s.once(&completion) { (s) throws(JSONFault) in try s.integer() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let prompt, let completion else { throw .truncated }
        return Usage(promptTokens: prompt, completionTokens: completion)
    }

    mutating func timings() throws(JSONFault) -> StageTimings {
        var (queue, load, first, generate): (Int64?, Int64?, Int64?, Int64?)
        try object { (s, key) throws(JSONFault) in
            if s.matches(key, "queue_ms") {
                try s.once(&queue) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "load_ms") {
                try s.once(&load) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "first_token_ms") {
                try s.once(&first) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "generate_ms") {
                try s.once(&generate) { (s) throws(JSONFault) in try s.integer() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let queue, let load, let first, let generate else { throw .truncated }
        return StageTimings(queueMs: queue, loadMs: load, firstTokenMs: first, generateMs: generate)
    }

    mutating func unitPrice() throws(JSONFault) -> UnitPrice {
        var asset: String?
        var (prompt, completion): (Int64?, Int64?)
        try object { (s, key) throws(JSONFault) in
            if s.matches(key, "asset") {
                try s.once(&asset) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "prompt") {
                try s.once(&prompt) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "completion") {
                try s.once(&completion) { (s) throws(JSONFault) in try s.integer() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let asset, let prompt, let completion else { throw .truncated }
        return UnitPrice(asset: Asset(rawValue: asset), prompt: prompt, completion: completion)
    }
}
