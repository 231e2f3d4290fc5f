// Why a stranger's payment is not one: the field, and the rule that it breaks.
// It must never repeat the stranger's own words: an error may be shown on a terminal.

/// Why bytes are not the x402 document that they should be.
public enum X402Error: Error, Hashable, Sendable, CustomStringConvertible {
    /// Longer than any honest document.
    case tooLarge
    /// A header that is not base64.
    case notBase64
    /// Not JSON, or JSON with a key twice, too deep or too rich.
    case notJSON
    /// Another version than 2.
    case version
    /// A field that is missing or not as it must be, by its path.
    case field(String, String)

    public var description: String {
        switch self {
        case .tooLarge: "it is longer than \(X402Header.mostBytes) bytes"
        case .notBase64: "it is not base64"
        case .notJSON: "it is not the JSON that is accepted"
        case .version: "it is not of x402 version 2"
        case .field(let path, let rule): "'\(path)' \(rule)"
        }
    }
}
