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
        var exec = try SectionLines("exec", in: text, wanted: "image: \"\(id)\"")
        exec.set("image", "\"\(id)\"")
        return exec.text
    }
}
