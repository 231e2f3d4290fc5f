// What happens to a store when it is opened: the record is read, and what a crash left over is cleared away.
// It must never remove a file that a usable manifest needs.

import Glibc
import Interfaces
import NodeModel
import NodeSystem
import Wire

/// Opens a store's folders and finds what they hold.
struct StoreRecovery {
    private let layout: StoreLayout

    init(_ layout: StoreLayout) { self.layout = layout }

    func run() throws -> (StoreIndex, ContentStore.Recovery) {
        var recovery = ContentStore.Recovery()
        for folder in layout.folders { try DiskFile.makeFolder(folder) }
        for name in try DiskFile.names(layout.partial) {
            try DiskFile.remove(layout.partial(name))
            recovery.partial += 1
        }
        var found: [StoreIndex.Item] = []
        var kept: Set<ContentRoot> = []
        for name in try DiskFile.names(layout.manifests) {
            guard let cid = StoreLayout.cid(fileName: name) else {
                recovery.unreadable.append("\(name): not the name of a manifest")
                continue
            }
            do { found.append(try item(cid)) } catch { recovery.unreadable.append("\(name): \(error)") }
        }
        let index = StoreIndex(found)
        let standing = Set(index.items.map(\.cid))
        for item in found where !standing.contains(item.cid) {
            try DiskFile.remove(layout.manifest(item.cid))
            recovery.superseded += 1
        }
        kept = index.roots
        // A damaged manifest may be all that is known of a large file: then nothing is thrown away.
        guard recovery.unreadable.isEmpty else { return (index, recovery) }
        for name in try DiskFile.names(layout.files) {
            if let root = ContentRoot(hex: name), kept.contains(root) { continue }
            try DiskFile.remove(layout.files + "/" + name)
            recovery.unneededFiles += 1
        }
        return (index, recovery)
    }

    /// Reads one manifest; when it was added is when its file was written.
    func item(_ cid: CID) throws -> StoreIndex.Item {
        let path = layout.manifest(cid)
        let bytes = try DiskFile.contents(path, longest: Manifest.longest)
        let (manifest, file) = try Manifest.read(bytes, cid: cid)
        let written = try DiskFile.with(path, O_RDONLY) { try DiskFile.status($0, path).st_mtim }
        let entry = ContentInterface.Entry(
            name: manifest.name, root: file.piecesRoot, sha256: file.sha256, manifest: cid.description,
            size: file.size, format: file.format, metadata: manifest.metadata,
            addedAt: Int64(written.tv_sec) * 1000 + Int64(written.tv_nsec) / 1_000_000)
        return StoreIndex.Item(cid: cid, entry: entry)
    }
}
