// The hashes that bind a receipt to a request and to an answer.
// It must never hash anything that the two sides could spell differently.

import Crypto
public import FoundationEssentials

extension InferenceRequest {
    /// SHA-256 of the request as JSON with sorted keys: equal on both sides, whoever encodes it.
    public func hash() throws -> Digest {
        var bytes: [UInt8] = []
        if write(into: &bytes) { return Digest(hashing: bytes) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Digest(hashing: try encoder.encode(self))
    }
}

extension Digest {
    /// SHA-256 of some bytes.
    public init(hashing data: some DataProtocol) {
        // SHA-256 gives 32 bytes by definition, so the failable initializer's check cannot fail.
        self.init(unchecked: Array(SHA256.hash(data: data)))
    }

    /// SHA-256 of a text's UTF-8.
    public init(hashing text: String) { self.init(hashing: Data(text.utf8)) }
}
