// The store as lines for people. Pure.
// It must never shorten an address where it could be copied from.

import Interfaces
import NodeModel

/// Renders contents.
enum ContentView {
    static func table(_ entries: [ContentInterface.Entry]) -> Table {
        var table = Table([
            ("NAME", .left), ("SIZE", .right), ("FORMAT", .left), ("CONTEXT", .right), ("QUANT", .left),
            ("ADDED", .left), ("ROOT", .left),
        ])
        for entry in entries {
            table.add(
                entry.name, Units.bytes(entry.size), entry.format, entry.metadata["context_length"] ?? "-",
                entry.metadata["quantization"] ?? entry.metadata["dtype"] ?? "-", Units.time(entry.addedAt),
                entry.root.hex)
        }
        return table
    }

    static func facts(_ entry: ContentInterface.Entry, _ style: Style) -> [String] {
        let told = entry.metadata.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(
            separator: ", ")
        let facts = [
            ("root", entry.root.hex), ("sha256", entry.sha256.hex), ("manifest", entry.manifest),
            ("header", told),
        ]
        return facts.filter { !$0.1.isEmpty }.map { name, text in
            style.dim(name + String(repeating: " ", count: 8 - name.count)) + "  " + TerminalText.clean(text)
        }
    }
}
