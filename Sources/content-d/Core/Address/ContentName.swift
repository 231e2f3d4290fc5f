// The names people give to content: what they may look like. Pure.
// It must never allow a name that could be taken for an address or a path.

import NodeModel
import Wire

/// A name of content: lower-case letters, digits, `.`, `_`, `-`, 1 to 128 of them, first a letter or digit.
enum ContentName {
    static let longest = 128

    /// The name in lower case.
    ///
    /// - Throws: `WireError` `.invalidRequest` saying which rule is broken.
    static func checked(_ text: String) throws(WireError) -> String {
        let name = text.lowercased()
        guard !name.isEmpty, name.utf8.count <= longest else {
            throw bad(text, "it has \(name.utf8.count) characters, not 1 to \(longest)")
        }
        guard let first = name.utf8.first, isLetterOrDigit(first) else {
            throw bad(text, "it does not begin with a letter or digit")
        }
        guard name.utf8.allSatisfy({ isLetterOrDigit($0) || ".-_".utf8.contains($0) }) else {
            throw bad(text, "only letters, digits, '.', '_' and '-' are allowed")
        }
        guard ContentRoot(hex: name) == nil, CID(name) == nil else {
            throw bad(text, "it looks like an address")
        }
        return name
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }

    private static func bad(_ text: String, _ reason: String) -> WireError {
        WireError(
            .invalidRequest, "'\(text.prefix(160))' cannot be the name of content: \(reason).",
            fix: "Choose another with --name, for example smollm2-135m-instruct.")
    }
}
