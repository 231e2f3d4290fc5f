// Proves that an import is there whole or not at all, whenever the process dies, and that the store keeps its rules.

import Glibc
import Interfaces
import NodeModel
import NodeSystem
import Synchronization
import TestKit
import Testing
import Wire

@testable import ContentCore

@Suite struct ContentStoreTests {
    private func take(
        _ store: ContentStore, _ bytes: [UInt8], _ name: String, token: String = "t",
        in folder: TemporaryDirectory
    ) throws -> (item: StoreIndex.Item, existed: Bool) {
        let source = try Sample.file(folder.appending("source"), bytes)
        defer { close(source) }
        return try store.take(source, name: name, token: token)
    }

    @Test("a file comes in under its root, read-only, with its manifest under its CID")
    func takes() throws {
        let folder = try TemporaryDirectory()
        let store = try ContentStore(directory: try folder.directory("s"), headroom: 0)
        let bytes = GGUFBuilder.model()
        let (item, existed) = try take(store, bytes, "Tiny", in: folder)
        #expect(!existed)
        #expect(item.entry.name == "tiny")
        #expect(item.entry.format == "gguf")
        #expect(item.entry.metadata["context_length"] == "2048")
        let tree = try Sample.tree(store.layout.directory)
        #expect(tree["files/\(item.entry.root)"] == bytes)
        #expect(Set(tree.keys) == ["files/\(item.entry.root)", "manifests/\(item.cid).json"])
        var info = stat()
        #expect(stat(store.layout.file(item.entry.root), &info) == 0)
        #expect(info.st_mode & 0o7777 == 0o444)
        for reference in ["tiny", "TINY", item.entry.root.hex, item.cid.description] {
            #expect(try store.find(reference) == item)
        }
        #expect(try store.list().usedBytes == Int64(bytes.count))
        #expect(throws: WireError(.notFound, "")) { try store.find("other") }
    }

    @Test("the same bytes again change nothing; under another name they are stored once")
    func existed() throws {
        let folder = try TemporaryDirectory()
        let store = try ContentStore(directory: try folder.directory("s"), headroom: 0)
        let first = try take(store, Sample.bytes(40_000), "a", in: folder)
        let again = try take(store, Sample.bytes(40_000), "A", in: folder)
        #expect(again.existed && again.item == first.item)
        let other = try take(store, Sample.bytes(40_000), "b", in: folder)
        #expect(other.existed && other.item.entry.root == first.item.entry.root)
        #expect(try store.list().usedBytes == 40_000)
        try store.remove("a")
        #expect(try store.find("b") == other.item)
        #expect(Fingerprint.of(store.layout.file(first.item.entry.root)) != nil)
        try store.remove("b")
        #expect(try Sample.tree(store.layout.directory).isEmpty)
    }

    @Test("a name taken again belongs to the new bytes, and the old ones go")
    func replaces() throws {
        let folder = try TemporaryDirectory()
        let store = try ContentStore(directory: try folder.directory("s"), headroom: 0)
        _ = try take(store, Sample.bytes(1000), "a", in: folder)
        let new = try take(store, Sample.bytes(2000), "a", in: folder)
        #expect(store.items == [new.item])
        #expect(
            Set(try Sample.tree(store.layout.directory).keys) == [
                "files/\(new.item.entry.root)", "manifests/\(new.item.cid).json",
            ])
        #expect(try ContentStore(directory: store.layout.directory, headroom: 0).items == [new.item])
    }

    /// The disk at every step of an import that replaces another content is what kill -9 would leave there.
    @Test("killed at any step, the store opens with the old content or the new, whole, and nothing else")
    func crashes() throws {
        let folder = try TemporaryDirectory()
        struct Snapshot {
            var step: ContentStore.Step
            var tree: [String: [UInt8]]
            var times: [String: timespec]
        }
        let snapshots = Mutex<[Snapshot]>([])
        let directory = try folder.directory("s")
        let store = try ContentStore(directory: directory, headroom: 0) { step in
            let tree = (try? Sample.tree(directory)) ?? [:]
            let times = (try? Sample.times(directory)) ?? [:]
            snapshots.withLock { $0.append(Snapshot(step: step, tree: tree, times: times)) }
        }
        let old = try take(store, Sample.bytes(1000), "a", in: folder).item
        snapshots.withLock { $0 = [] }
        let new = try take(store, Sample.bytes(70_000), "a", in: folder).item
        let seen = snapshots.withLock { $0 }
        #expect(seen.map(\.step) == ContentStore.Step.allCases)
        for (number, snapshot) in seen.enumerated() {
            let step = snapshot.step
            let place = folder.appending("crash\(number)")
            try Sample.plant(snapshot.tree, times: snapshot.times, at: place)
            let reopened = try ContentStore(directory: place, headroom: 0)
            let held = try #require(reopened.items.first, "nothing after \(step)")
            #expect(reopened.items.count == 1)
            let expected = [.manifestPlaced, .oldManifestRemoved].contains(step) ? new : old
            #expect(held.cid == expected.cid, "after \(step)")
            let left = try Sample.tree(place)
            #expect(
                Set(left.keys) == ["files/\(held.entry.root)", "manifests/\(held.cid).json"], "after \(step)")
            #expect(Sample.address(left["files/\(held.entry.root)"] ?? [])?.root == held.entry.root)
        }
    }

    @Test("a file cut in the middle of its copy is cleared away at the next start")
    func halfCopied() throws {
        let folder = try TemporaryDirectory()
        let place = folder.appending("s")
        try Sample.plant(["partial/aa": [1, 2, 3], "files/\(Digest(hashing: "x"))": [9]], at: place)
        let store = try ContentStore(directory: place, headroom: 0)
        #expect(store.recovery.partial == 1 && store.recovery.unneededFiles == 1)
        #expect(try Sample.tree(place).isEmpty)
    }

    @Test("a damaged manifest is told of, and its file is not thrown away")
    func damagedManifest() throws {
        let folder = try TemporaryDirectory()
        let store = try ContentStore(directory: try folder.directory("s"), headroom: 0)
        let item = try take(store, Sample.bytes(5000), "a", in: folder).item
        chmod(store.layout.manifest(item.cid), 0o644)
        close(try Sample.file(store.layout.manifest(item.cid), Array("{}".utf8)))
        let reopened = try ContentStore(directory: store.layout.directory, headroom: 0)
        #expect(reopened.items.isEmpty && reopened.recovery.unreadable.count == 1)
        #expect(Fingerprint.of(store.layout.file(item.entry.root)) != nil)
        // Adding the file again mends it.
        #expect(try take(reopened, Sample.bytes(5000), "a", in: folder).item.cid == item.cid)
        #expect(try ContentStore(directory: store.layout.directory, headroom: 0).recovery.unreadable.isEmpty)
    }

    @Test("a disk without room refuses before it writes, and says how much is missing")
    func full() throws {
        let folder = try TemporaryDirectory()
        let store = try ContentStore(directory: try folder.directory("s"), headroom: .max / 2)
        let error = #expect(throws: WireError(.diskFull, "")) {
            try take(store, Sample.bytes(1000), "a", in: folder)
        }
        #expect(error?.message.contains("1000 bytes are needed") == true)
        #expect(try Sample.tree(store.layout.directory).isEmpty)
    }

    @Test("a disk that fills up during the copy keeps nothing (RLIMIT_FSIZE-like ENOSPC through /dev/full)")
    func fullMeanwhile() throws {
        let folder = try TemporaryDirectory()
        let source = try Sample.file(folder.appending("source"), Sample.bytes(100_000))
        defer { close(source) }
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        let intake = FileIntake(source: source, headroom: 0, directory: folder.path)
        #expect(throws: WireError(.diskFull, "")) {
            try intake.copy(to: full, isCancelled: { false }, progress: { _, _ in })
        }
    }

    @Test("an import that is cancelled, empty or broken leaves nothing behind")
    func refusals() throws {
        let folder = try TemporaryDirectory()
        let store = try ContentStore(directory: try folder.directory("s"), headroom: 0)
        let source = try Sample.file(folder.appending("source"), Sample.bytes(3_000_000))
        defer { close(source) }
        var seen: Int64 = 0
        #expect(throws: WireError(.cancelled, "")) {
            try store.take(source, name: "a", token: "t", isCancelled: { seen > 0 }) { done, _ in seen = done
            }
        }
        #expect(throws: WireError(.invalidRequest, "")) { try take(store, [], "a", in: folder) }
        #expect(throws: WireError(.invalidRequest, "")) {
            try take(store, Array(GGUFBuilder.model().dropLast(60)), "a", in: folder)
        }
        #expect(throws: WireError(.invalidRequest, "")) { try take(store, [1], "../a", in: folder) }
        let pipe = open(folder.path, O_RDONLY | O_DIRECTORY)
        defer { close(pipe) }
        #expect(throws: WireError(.invalidRequest, "")) { try store.take(pipe, name: "a", token: "t") }
        #expect(try Sample.tree(store.layout.directory).isEmpty)
    }
}
