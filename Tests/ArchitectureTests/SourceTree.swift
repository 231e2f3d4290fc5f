// Reads the repository's own sources, for tests about their shape.
// It must never look into what is built or fetched.

import Foundation

/// One Swift source.
struct Source {
    /// From the repository's root.
    let path: String
    let lines: [Substring]

    /// Modules that it imports.
    var imports: [String] {
        lines.compactMap { line in
            // Reading each of all lines by a pattern would take most of this suite's time.
            guard line.contains("import "),
                let match = line.firstMatch(of: /^(?:public |@testable |internal )?import (?:\w+ )?(\w+)/)
            else {
                return nil
            }
            return String(match.output.1)
        }
    }
}

/// The repository.
enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift file below a folder.
    static func sources(_ folder: String) throws -> [Source] {
        let base = root.appending(path: folder)
        let all = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)
        return try (all?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
            .sorted { $0.path < $1.path }
            .map { url in
                let text = try String(contentsOf: url, encoding: .utf8)
                return Source(
                    path: String(url.path.dropFirst(root.path.count + 1)),
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false))
            }
    }
}
