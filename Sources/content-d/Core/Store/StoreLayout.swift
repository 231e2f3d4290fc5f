// Where things lie in the store. Pure.
// It must never build a path from a name that a person chose: only from addresses and random tokens.

import NodeModel

/// The folders and paths of a store.
struct StoreLayout: Hashable, Sendable {
    /// The store's folder, without a slash at its end.
    let directory: String

    /// Files under their roots, mode 0444: what engines mount.
    var files: String { directory + "/files" }
    /// Manifests under their CIDs: the record of what the store holds.
    var manifests: String { directory + "/manifests" }
    /// What is being written; whatever lies here when content-d starts is the rest of an interrupted import.
    var partial: String { directory + "/partial" }
    var folders: [String] { [files, manifests, partial] }

    func file(_ root: ContentRoot) -> String { "\(files)/\(root.hex)" }
    func manifest(_ cid: CID) -> String { "\(manifests)/\(cid).json" }
    func partial(_ token: String) -> String { "\(partial)/\(token)" }

    /// The CID in a manifest's file name; nil for any other name.
    static func cid(fileName: String) -> CID? {
        guard fileName.hasSuffix(".json") else { return nil }
        return CID(String(fileName.dropLast(5)))
    }
}
