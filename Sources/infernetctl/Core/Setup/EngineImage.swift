// Puts an engine image into Docker and its id into the configuration.
// It must never rewrite a configuration whose form it does not know: then it says which line to change.

import ConfigFile
import FoundationEssentials
import Wire

/// The engine image of a node.
struct EngineImage: Sendable {
    let config: String

    /// Loads an archive and names it in the configuration.
    func load(_ archive: String) throws -> String {
        let said = try Tool.must(["docker", "load", "--input", archive], seconds: 600)
        guard let name = said.split(separator: "\n").last?.split(separator: " ").last else {
            throw WireError(.unavailable, "Docker took \(archive) without saying what it is.", cause: said)
        }
        let id = try Tool.must(["docker", "image", "inspect", "--format", "{{.Id}}", String(name)])
            .filter { !$0.isWhitespace }
        let old =
            FileManager.default.contents(atPath: config).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let new = try Self.naming(id, in: old)
        _ = try ConfigFile.parse(new)
        try Data(new.utf8).write(to: URL(filePath: config), options: .atomic)
        return "\(id) is loaded, and named in \(config)"
    }

    /// The configuration's text with this image in it; everything else, comments too, stays as it is.
    static func naming(_ id: String, in text: String) throws -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let line = "image: \"\(id)\""
        if let section = lines.firstIndex(where: { $0.hasPrefix("exec:") }) {
            guard lines[section].dropFirst(5).allSatisfy({ $0 == " " }) else {
                throw WireError(
                    .configInvalid, "The section 'exec' is written in one line, which is left to you.",
                    fix: "Set exec.image to \"\(id)\".")
            }
            let end = lines[(section + 1)...].firstIndex { $0.first.map { !$0.isWhitespace } ?? false }
            let body = (section + 1)..<(end ?? lines.endIndex)
            let indent = String((lines[body].first { $0.first == " " } ?? "  ").prefix { $0 == " " })
            if let image = lines[body].firstIndex(where: { $0.hasPrefix(indent + "image:") }) {
                lines[image] = indent + line
            } else {
                lines.insert(indent + line, at: section + 1)
            }
        } else {
            if lines.last == "" { lines.removeLast() }
            lines += ["exec:", "  " + line, ""]
        }
        return lines.joined(separator: "\n")
    }
}
