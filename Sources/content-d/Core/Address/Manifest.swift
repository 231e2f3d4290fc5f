// What is known of a piece of content, as canonical JSON, so that equal knowledge has one address. Pure.
// It must never hold a fact that depends on when or where the content was added.

import NodeModel
import Wire

/// A manifest: its CIDv1 is the address of the name, the metadata and the files together.
struct Manifest: Codable, Hashable, Sendable {
    /// The longest manifest, in bytes: one raw block.
    static let longest = 256 * 1024
    static let currentVersion = 1

    /// One file of the content.
    struct File: Codable, Hashable, Sendable {
        /// `gguf`, `safetensors` or `file`.
        var format: String
        /// A hint for whoever writes the file out again.
        var path: String
        /// Bytes under one hash of the piece layer (BEP 52).
        var pieceSize: Int64
        var piecesRoot: ContentRoot
        var sha256: Digest
        /// Bytes.
        var size: Int64

        enum CodingKeys: String, CodingKey {
            case format, path, sha256, size
            case pieceSize = "piece_size"
            case piecesRoot = "pieces_root"
        }
    }

    /// Exactly one in this version.
    var files: [File]
    /// From the file's own header.
    var metadata: [String: String]
    /// In lower case.
    var name: String
    var version: Int

    init(name: String, file: File, metadata: [String: String]) {
        files = [file]
        self.metadata = metadata
        self.name = name
        version = Self.currentVersion
    }

    /// 1 MiB below 16 GiB, 4 MiB above: the piece layer of 100 GB is then 0.76 MB.
    static func pieceSize(for size: Int64) -> Int64 {
        size < 16 << 30 ? 1 << 20 : 4 << 20
    }

    /// The canonical bytes; their SHA-256 is the address.
    func encoded() throws -> [UInt8] { try CanonicalJSON.encode(self) }

    /// Reads a manifest whose bytes must have the address `cid`, when one is given.
    ///
    /// - Throws: `WireError` `.corrupt` naming what is wrong with it.
    static func read(_ bytes: [UInt8], cid: CID? = nil) throws(WireError) -> (manifest: Manifest, file: File)
    {
        guard bytes.count <= longest else { throw bad("it has \(bytes.count) bytes, more than \(longest)") }
        if let cid, CID(hashing: bytes) != cid { throw bad("its bytes do not have its address") }
        let manifest: Manifest
        do { manifest = try CanonicalJSON.decode(Manifest.self, from: bytes) } catch { throw bad("\(error)") }
        guard manifest.version == currentVersion else { throw bad("version \(manifest.version) is unknown") }
        guard let file = manifest.files.first, manifest.files.count == 1 else {
            throw bad("it names \(manifest.files.count) files, not one")
        }
        guard file.size > 0, file.pieceSize == pieceSize(for: file.size) else {
            throw bad("a size is impossible")
        }
        guard try ContentName.checked(manifest.name) == manifest.name else {
            throw bad("its name is not lower case")
        }
        return (manifest, file)
    }

    private static func bad(_ reason: String) -> WireError {
        WireError(
            .corrupt, "A manifest cannot be used: \(reason).",
            fix: "Add the file again: infernetctl content add FILE")
    }
}
