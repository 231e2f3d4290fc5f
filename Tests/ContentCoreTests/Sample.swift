// Bytes and files for the tests of this folder: the same ones every time.
// It must never depend on the machine.

import Glibc
import NodeSystem

@testable import ContentCore

enum Sample {
    /// The bytes whose addresses libtorrent computed for `MerkleVectors`.
    static func bytes(_ count: Int) -> [UInt8] {
        var x: UInt32 = 1
        return (0..<count).map { _ in
            x = (x &* 1_103_515_245 &+ 12345) & 0x7FFF_FFFF
            return UInt8(truncatingIfNeeded: x >> 16)
        }
    }

    static func address(_ bytes: [UInt8], splits: [Int] = []) -> ContentAddress? {
        var hasher = ContentHasher(wholeFile: true)
        bytes.withUnsafeBytes { raw in
            var start = 0
            for split in splits + [raw.count] where split > start && split <= raw.count {
                hasher.update(UnsafeRawBufferPointer(rebasing: raw[start..<split]))
                start = split
            }
        }
        return hasher.finish()
    }

    /// A new file with these bytes, open for reading; the caller closes it.
    static func file(_ path: String, _ bytes: [UInt8]) throws -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError(call: "open \(path)", errno: errno) }
        try bytes.withUnsafeBytes { try DiskFile.writeAll(descriptor, $0) }
        return descriptor
    }

    /// Everything below a directory: path and content.
    static func tree(_ directory: String) throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for folder in StoreLayout(directory: directory).folders {
            for name in try DiskFile.names(folder) {
                let path = folder + "/" + name
                found[String(path.dropFirst(directory.count + 1))] = try DiskFile.contents(
                    path, longest: 1 << 24)
            }
        }
        return found
    }

    /// When each manifest was written.
    static func times(_ directory: String) throws -> [String: timespec] {
        var found: [String: timespec] = [:]
        for name in try DiskFile.names(StoreLayout(directory: directory).manifests) {
            var info = stat()
            if stat("\(directory)/manifests/\(name)", &info) == 0 {
                found["manifests/" + name] = info.st_mtim
            }
        }
        return found
    }

    /// Writes what `tree` read to another directory, with the times that `times` read.
    static func plant(_ tree: [String: [UInt8]], times: [String: timespec] = [:], at directory: String) throws
    {
        mkdir(directory, 0o755)
        for folder in StoreLayout(directory: directory).folders { try DiskFile.makeFolder(folder) }
        for (name, bytes) in tree {
            let descriptor = try file(directory + "/" + name, bytes)
            if let time = times[name] {
                var both = [time, time]
                futimens(descriptor, &both)
            }
            close(descriptor)
        }
    }
}

/// Builds GGUF headers by hand.
struct GGUFBuilder {
    var version: UInt32 = 3
    private var pairs: [[UInt8]] = []
    private var tensors: [[UInt8]] = []
    var claimedPairs: UInt64?

    static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    static func text(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count)) + Array(text.utf8) }

    mutating func add(_ key: String, _ value: String) {
        pairs.append(Self.text(key) + Self.little(UInt32(8)) + Self.text(value))
    }
    mutating func add(_ key: String, _ value: UInt32) {
        pairs.append(Self.text(key) + Self.little(UInt32(4)) + Self.little(value))
    }
    mutating func add(_ key: String, strings: [String]) {
        pairs.append(
            Self.text(key) + Self.little(UInt32(9)) + Self.little(UInt32(8))
                + Self.little(UInt64(strings.count))
                + strings.flatMap { Self.text($0) })
    }
    mutating func add(_ key: String, type: UInt32, raw: [UInt8]) {
        pairs.append(Self.text(key) + Self.little(type) + raw)
    }
    mutating func tensor(_ name: String, _ dimensions: [UInt64], type: UInt32, offset: UInt64) {
        tensors.append(
            Self.text(name) + Self.little(UInt32(dimensions.count)) + dimensions.flatMap { Self.little($0) }
                + Self.little(type) + Self.little(offset))
    }

    /// The header alone.
    var header: [UInt8] {
        Array("GGUF".utf8) + Self.little(version) + Self.little(UInt64(tensors.count))
            + Self.little(claimedPairs ?? UInt64(pairs.count)) + pairs.joined() + tensors.joined()
    }

    /// A small whole model: 64 elements of Q8_0, as llama.cpp would write it.
    static func model(name: String = "Tiny", tail: Int = 68) -> [UInt8] {
        var builder = GGUFBuilder()
        builder.add("general.architecture", "llama")
        builder.add("general.name", name)
        builder.add("general.file_type", UInt32(7))
        builder.add("llama.context_length", UInt32(2048))
        builder.add("tokenizer.ggml.tokens", strings: ["<s>", "</s>", "a", "b"])
        builder.add("tokenizer.chat_template", String(repeating: "x", count: 5000))
        builder.tensor("w", [32, 2], type: 8, offset: 0)
        var bytes = builder.header
        bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
        return bytes + Sample.bytes(tail)
    }
}
