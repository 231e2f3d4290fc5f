// What the store holds, by name, address and root. Pure.
// It must never hold two contents under one name.

import Interfaces
import NodeModel
import Wire

/// The contents of a store.
struct StoreIndex: Sendable {
    /// One content: its manifest's address and what is told of it.
    struct Item: Hashable, Sendable {
        var cid: CID
        var entry: ContentInterface.Entry
    }

    private var byName: [String: Item] = [:]

    /// All contents by name.
    var items: [Item] { byName.values.sorted { $0.entry.name < $1.entry.name } }
    /// Every file that some content needs.
    var roots: Set<ContentRoot> { Set(byName.values.map(\.entry.root)) }
    var usedBytes: Int64 {
        var seen: [ContentRoot: Int64] = [:]
        for item in byName.values { seen[item.entry.root] = item.entry.size }
        return seen.values.reduce(0, +)
    }

    /// Builds the index from all manifests found: of two with one name, the newer stands.
    init(_ found: [Item]) {
        for item in found.sorted(by: { ($0.entry.addedAt, "\($0.cid)") < ($1.entry.addedAt, "\($1.cid)") }) {
            byName[item.entry.name] = item
        }
    }

    /// Puts a content under its name.
    ///
    /// - Returns: the content that had the name before, unless it is the same.
    mutating func add(_ item: Item) -> Item? {
        let old = byName.updateValue(item, forKey: item.entry.name)
        return old?.cid == item.cid ? nil : old
    }

    mutating func remove(_ item: Item) { byName[item.entry.name] = nil }

    /// The contents that a name (in any case), a root or a CID stands for; a root may have several names.
    func all(_ reference: String) -> [Item] {
        if let item = byName[reference.lowercased()] { return [item] }
        if let root = ContentRoot(hex: reference) { return items.filter { $0.entry.root == root } }
        if let cid = CID(reference) { return items.filter { $0.cid == cid } }
        return []
    }

    /// The first of them.
    ///
    /// - Throws: `WireError` `.notFound` with the names that there are.
    func find(_ reference: String) throws(WireError) -> Item {
        if let item = all(reference).first { return item }
        let names = items.prefix(8).map(\.entry.name).joined(separator: ", ")
        throw WireError(
            .notFound, "The store has no content '\(reference.prefix(160))'.",
            fix: names.isEmpty
                ? "The store is empty; add a file: infernetctl content add FILE"
                : "It has: \(names). Add a file with: infernetctl content add FILE")
    }
}
