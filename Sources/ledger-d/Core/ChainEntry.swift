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
        let bytes = try CanonicalJSON.encode(self)
        return Array(SHA256.hash(data: Array("infernet/ledger/1\n".utf8) + bytes))
    }
}
