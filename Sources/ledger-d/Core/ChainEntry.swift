// One transfer as the hash chain sees it: everything that must not change, in one spelling.
// It must never lose a field: what is not hashed can be altered unseen.

import Crypto
import NodeModel

/// What the link of a transfer covers.
struct ChainEntry: Codable, Hashable, Sendable {
    struct Posting: Codable, Hashable, Sendable {
        var account: String
        var amount: Int64
    }

    /// The hash before the first link.
    static let genesis = [UInt8](repeating: 0, count: 32)

    var sequence: Int64
    var operation: String
    var kind: String
    var job: String
    var at: Int64
    var asset: String
    var receipt: String
    var acceptance: String
    /// SHA-256 of the deed, where there is no receipt; absent otherwise.
    var payload: String?
    /// In the order of their accounts.
    var postings: [Posting]
    /// The hash of the link before, in hexadecimal.
    var previous: String

    /// SHA-256 of the entry's canonical JSON under its own prefix.
    func hash() throws(CanonicalJSONError) -> [UInt8] {
        Array(SHA256.hash(data: Array("infernet/ledger/1\n".utf8) + (try canonical())))
    }

    /// The entry's canonical JSON.
    func canonical() throws(CanonicalJSONError) -> [UInt8] {
        var line = CanonicalLine(capacity: 1024)
        try line.add("acceptance", acceptance)
        try line.add("asset", asset)
        try line.add("at", at)
        try line.add("job", job)
        try line.add("kind", kind)
        try line.add("operation", operation)
        if let payload { try line.add("payload", payload) }
        var lines: [CanonicalLine] = []
        for posting in postings {
            var item = CanonicalLine(capacity: 128)
            try item.add("account", posting.account)
            try item.add("amount", posting.amount)
            lines.append(item)
        }
        line.add("postings", lines)
        try line.add("previous", previous)
        try line.add("receipt", receipt)
        try line.add("sequence", sequence)
        return line.closed
    }
}
