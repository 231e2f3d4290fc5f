// Reads the small text files of /proc whole. It must never be pointed at a file of unbounded size.

import Glibc

enum ProcFile {
    static let most = 1 << 20

    static func read(_ path: String) throws -> String {
        let descriptor = try attempt("cannot open \(path)") { open(path, O_RDONLY | O_CLOEXEC) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < most {
            let count = try attempt("cannot read \(path)") { Glibc.read(descriptor, &buffer, buffer.count) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// "Key:   value" lines.
    static func fields(_ path: String) throws -> [Substring: Substring] {
        var fields: [Substring: Substring] = [:]
        for line in try read(path).split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            fields[line[..<colon]] = value
        }
        return fields
    }
}
