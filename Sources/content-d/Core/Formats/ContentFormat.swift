// Which format a file has and what its own header tells people about it. Pure.
// It must never call a file a model whose header says that bytes are missing.

import Wire

/// What was recognised in a file's first bytes.
struct ContentFormat: Hashable, Sendable {
    /// How many of a file's first bytes are looked at; tokenizers of large models need a few MiB.
    static let headBytes = 64 * 1024 * 1024

    /// `gguf`, `safetensors` or `file`.
    var name: String
    var metadata: [String: String]

    /// Recognises a file by its first bytes.
    ///
    /// - Parameters:
    ///   - head: the first bytes, `headBytes` of them or all.
    ///   - size: the bytes of the whole file.
    /// - Throws: `WireError` `.invalidRequest` when the file says by itself that it is cut or damaged.
    init(head: UnsafeRawBufferPointer, size: Int64) throws(WireError) {
        let size = UInt64(max(0, size))
        if head.count >= 4, head.prefix(4).elementsEqual(GGUFHeader.magic) {
            let header: GGUFHeader
            do { header = try GGUFHeader(head) } catch { throw Self.broken("GGUF", error) }
            try Self.checkEnd("GGUF", header.end, size)
            name = "gguf"
            metadata = Self.metadata(of: header)
        } else if SafetensorsHeader.isLikely(head, size: size) {
            let header: SafetensorsHeader
            do { header = try SafetensorsHeader(head) } catch { throw Self.broken("safetensors", error) }
            try Self.checkEnd("safetensors", header.end, size)
            name = "safetensors"
            metadata = header.notes
            metadata["tensors"] = String(header.tensors)
            metadata["dtype"] = header.dtype
        } else {
            name = "file"
            metadata = [:]
        }
    }

    private static func metadata(of header: GGUFHeader) -> [String: String] {
        var found: [String: String] = ["tensors": String(header.tensors)]
        func copy(_ key: String, as name: String) {
            switch header.values[key] {
            case .string(let text): found[name] = text
            case .unsigned(let number): found[name] = String(number)
            case .signed(let number): found[name] = String(number)
            case .real, .bool, .array, nil: break
            }
        }
        copy("general.architecture", as: "architecture")
        copy("general.name", as: "name")
        copy("general.license", as: "license")
        copy("general.size_label", as: "size_label")
        copy("tokenizer.ggml.model", as: "tokenizer")
        if let architecture = found["architecture"] {
            for key in ["context_length", "embedding_length", "block_count"] {
                copy("\(architecture).\(key)", as: key)
            }
        }
        if case .unsigned(let number)? = header.values["general.file_type"] {
            found["quantization"] = GGMLType.fileTypeName(number)
        }
        if header.values["tokenizer.chat_template"] != nil { found["chat_template"] = "yes" }
        return found
    }

    private static func checkEnd(_ format: String, _ end: UInt64?, _ size: UInt64) throws(WireError) {
        guard let end, end > size else { return }
        throw WireError(
            .invalidRequest,
            "The \(format) file is cut: its header tells of \(end) bytes, but the file has \(size).",
            fix: "Fetch the file again; the copy is not complete.")
    }

    private static func broken(_ format: String, _ fault: HeaderFault) -> WireError {
        WireError(
            .invalidRequest, "The file begins like \(format), but its header cannot be read: \(fault).",
            fix: "Fetch the file again; it is damaged or cut.")
    }
}
