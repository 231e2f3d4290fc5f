// What fuzzers call: any bytes may come, and nothing may trap.
// It must never be called by the daemon.

/// Entry points for fuzzing.
public enum ContentFuzz {
    /// The header readers.
    public static func gguf(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { raw in
            _ = try? GGUFHeader(raw)
            _ = try? SafetensorsHeader(raw)
            _ = try? ContentFormat(head: raw, size: Int64(raw.count))
        }
    }

    /// The manifest reader, and the address of its bytes.
    public static func manifest(_ bytes: [UInt8]) {
        _ = try? Manifest.read(bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        if let cid = CID(text) { precondition(cid.description == text, "two spellings of one address") }
        _ = try? ContentName.checked(text)
    }
}
