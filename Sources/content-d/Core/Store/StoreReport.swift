// What the store says of itself in checks, metrics and errors.
// It must never hash: checks are asked for every few seconds.

import DaemonKit
import Interfaces
import NodeModel
import NodeSystem
import Wire

/// The store's checks.
enum StoreReport {
    /// Whether the disk has room beyond the headroom.
    static func room(_ store: ContentStore, _ metrics: MetricsRegistry) async -> ControlInterface.Check {
        guard let space = try? DiskSpace.of(store.layout.directory) else {
            return .init(
                name: "disk", ok: false, reason: "the disk cannot be asked for its free space",
                fix: "Look whether \(store.layout.directory) exists.")
        }
        let free = Int64(clamping: space.freeBytes)
        metrics.gauge(
            "infernet_content_disk_free_bytes", Double(free), help: "Free bytes of the store's disk.")
        let words = "\(free >> 20) MiB free, \(store.headroom >> 20) MiB must stay free"
        return .init(
            name: "disk", ok: free >= store.headroom, reason: words,
            fix: free >= store.headroom
                ? nil : "Make room on the disk, or remove content: infernetctl content remove NAME")
    }

    /// Whether any content is known to be damaged.
    static func contents(
        _ store: ContentStore, _ verifier: FileVerifier, _ metrics: MetricsRegistry
    ) async -> ControlInterface.Check {
        var intact = 0
        var bad: [(item: StoreIndex.Item, reason: String)] = []
        let items = store.items
        for item in items {
            switch await verifier.standing(item.entry.root, path: store.layout.file(item.entry.root)) {
            case .intact: intact += 1
            case .corrupt(let reason): bad.append((item, reason))
            case nil: break
            }
        }
        metrics.gauge("infernet_content_items", Double(items.count), help: "Contents in the store.")
        metrics.gauge(
            "infernet_content_corrupt", Double(bad.count), help: "Contents whose bytes are damaged.")
        if let first = bad.first {
            return .init(
                name: "content", ok: false,
                reason:
                    "\(bad.count) of \(items.count) are corrupt: \(first.item.entry.name): \(first.reason)",
                fix: advice(first.item))
        }
        if let unreadable = store.recovery.unreadable.first {
            return .init(
                name: "content", ok: false, reason: "a manifest cannot be used: \(unreadable)",
                fix:
                    "Add the file again; then remove the manifest in \(store.layout.manifests) and restart content-d."
            )
        }
        let waiting = items.count - intact
        return .init(
            name: "content", ok: true,
            reason: "\(intact) verified" + (waiting > 0 ? ", \(waiting) being verified" : ""))
    }

    /// The error of whoever wants to use a damaged file.
    static func corrupt(_ item: StoreIndex.Item, path: String, _ reason: String) -> WireError {
        WireError(
            .corrupt, "The content '\(item.entry.name)' is corrupt: \(reason) (\(path)).", fix: advice(item),
            cause: "expected pieces root \(item.entry.root)")
    }

    private static func advice(_ item: StoreIndex.Item) -> String {
        "Remove it and add the file again: infernetctl content remove \(item.entry.name) && "
            + "infernetctl content add FILE --name \(item.entry.name)"
    }
}
