// The store on disk. Everything here blocks: it is called off the event loop.
// It must never let a file appear under a root that its bytes do not have, nor keep half of an import.

import Glibc
import Interfaces
import NodeModel
import NodeSystem
import Synchronization
import Wire

/// Files under their roots, manifests under their CIDs; the manifests are the only record.
final class ContentStore: Sendable {
    /// The moments of a change between which a crash may fall.
    enum Step: String, Sendable, CaseIterable {
        case partialOpened, partialWritten, filePlaced, manifestWritten, manifestPlaced, oldManifestRemoved
    }

    /// What was cleared away when the store was opened.
    struct Recovery: Hashable, Sendable {
        var partial = 0
        var superseded = 0
        var unneededFiles = 0
        /// Manifests that could not be used, with the reason.
        var unreadable: [String] = []
    }

    let layout: StoreLayout
    let recovery: Recovery
    /// Bytes of the disk that stay free.
    let headroom: Int64
    private let index: Mutex<StoreIndex>
    private let observe: @Sendable (Step) -> Void

    /// Opens a store, finishing or undoing what a crash interrupted.
    ///
    /// - Parameter observe: told of each step of a change; tests look at the disk then.
    init(directory: String, headroom: Int64, observe: @escaping @Sendable (Step) -> Void = { _ in }) throws {
        layout = StoreLayout(directory: directory)
        self.headroom = headroom
        self.observe = observe
        let (index, recovery) = try StoreRecovery(layout).run()
        self.index = Mutex(index)
        self.recovery = recovery
    }

    func list() throws -> ContentInterface.List.Reply {
        let (entries, used) = index.withLock { ($0.items.map(\.entry), $0.usedBytes) }
        let free = try DiskSpace.of(layout.directory).freeBytes
        return ContentInterface.List.Reply(
            entries: entries, usedBytes: used, freeBytes: Int64(clamping: free))
    }

    var items: [StoreIndex.Item] { index.withLock { $0.items } }

    func find(_ reference: String) throws(WireError) -> StoreIndex.Item {
        let index = index.withLock { $0 }
        return try index.find(reference)
    }

    /// Takes a file in. `source` stays the caller's; `token` names the partial file and must be new.
    ///
    /// - Returns: the content, and whether the same bytes were there already.
    func take(
        _ source: Int32, name: String, token: String, isCancelled: () -> Bool = { false },
        progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws -> (item: StoreIndex.Item, existed: Bool) {
        let name = try ContentName.checked(name)
        let path = layout.partial(token)
        let intake = FileIntake(source: source, headroom: headroom, directory: layout.directory)
        // Nothing to remove once the file is under its root: the unlink then finds no file.
        defer { unlink(path) }
        let (address, sha256, format) = try DiskFile.with(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600) {
            partial in
            observe(.partialOpened)
            let (address, sha256) = try intake.copy(to: partial, isCancelled: isCancelled, progress: progress)
            let format = try FileHead.format(of: partial, size: address.size)
            try DiskFile.call("cannot close the file against writing") { fchmod(partial, 0o444) }
            try intake.explained { try DiskFile.sync(partial) }
            observe(.partialWritten)
            return (address, sha256, format)
        }
        let manifest = Manifest(
            name: name,
            file: Manifest.File(
                format: format.name, path: name + (format.name == "file" ? "" : ".\(format.name)"),
                pieceSize: Manifest.pieceSize(for: address.size), piecesRoot: address.root, sha256: sha256,
                size: address.size), metadata: format.metadata)
        return try index.withLock { index in
            try intake.explained { try place(path, manifest, &index, token: token) }
        }
    }

    /// Takes contents out: all that a root stands for, or the one under a name.
    func remove(_ reference: String) throws {
        try index.withLock { index in
            _ = try index.find(reference)
            for item in index.all(reference) {
                try DiskFile.remove(layout.manifest(item.cid))
                index.remove(item)
                try dropFile(item.entry.root, unless: index)
            }
            try DiskFile.syncFolder(layout.manifests)
        }
    }

    /// Whether the store can be written, proved by writing.
    func probe() throws {
        let path = layout.partial("probe")
        try DiskFile.with(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600) { descriptor in
            try [UInt8](repeating: 1, count: 16).withUnsafeBytes { try DiskFile.writeAll(descriptor, $0) }
        }
        try DiskFile.remove(path)
    }

    /// The commit: the file first, then the manifest that makes it part of the store, then what it replaces.
    private func place(
        _ partial: String, _ manifest: Manifest, _ index: inout StoreIndex, token: String
    ) throws -> (StoreIndex.Item, Bool) {
        let bytes = try manifest.encoded()
        guard bytes.count <= Manifest.longest else {
            throw WireError(
                .invalidRequest, "The file's own metadata are too long for a manifest: \(bytes.count) bytes.",
                fix: "Shorten the texts in its header.")
        }
        let root = manifest.files[0].piecesRoot
        let existed = index.roots.contains(root)
        // Also over a file that is there: if that one was damaged, it is whole again now.
        try DiskFile.move(partial, layout.file(root))
        try DiskFile.syncFolder(layout.files)
        observe(.filePlaced)
        let cid = CID(hashing: bytes)
        if let same = index.all(cid.description).first { return (same, true) }
        do {
            let temporary = layout.partial(token + ".json")
            defer { unlink(temporary) }
            try DiskFile.with(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o444) { descriptor in
                try bytes.withUnsafeBytes { try DiskFile.writeAll(descriptor, $0) }
                try DiskFile.sync(descriptor)
            }
            observe(.manifestWritten)
            try DiskFile.move(temporary, layout.manifest(cid))
            try DiskFile.syncFolder(layout.manifests)
            observe(.manifestPlaced)
        } catch {
            if !existed { try? dropFile(root, unless: index) }
            throw error
        }
        let item = try StoreRecovery(layout).item(cid)
        if let old = index.add(item) {
            try DiskFile.remove(layout.manifest(old.cid))
            observe(.oldManifestRemoved)
            try dropFile(old.entry.root, unless: index)
        }
        return (item, existed)
    }

    private func dropFile(_ root: ContentRoot, unless index: StoreIndex) throws {
        if !index.roots.contains(root) { try DiskFile.remove(layout.file(root)) }
    }
}
