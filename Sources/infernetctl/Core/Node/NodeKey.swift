// Keys as people type and read them.
// It must never shorten a key where it could be copied from.

import ArgumentParser
import NodeModel
import Nostr

/// A key on the command line: `npub1…` or hexadecimal.
struct NodeKey: ExpressibleByArgument, Hashable, Sendable {
    let key: PublicKey

    init?(argument: String) {
        guard let key = PublicKey(npubOrHex: argument) else { return nil }
        self.key = key
    }

    /// "npub1abcdefg…wxyz", to be recognised but not copied.
    static func short(_ key: PublicKey) -> String {
        let text = key.npub
        return "\(text.prefix(12))…\(text.suffix(4))"
    }
}
