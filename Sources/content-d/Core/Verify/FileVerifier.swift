// Hashes stored files and remembers which state of which file was good or bad. Hashing runs off the event loop.
// It must never call a file good by anything but its bytes.

import Glibc
import NodeModel
import NodeSystem
import Wire

/// Knows which files have been found to be what their root says.
actor FileVerifier {
    /// What a file turned out to be.
    enum Verdict: Hashable, Sendable {
        case intact
        /// Why it is not what its root says.
        case corrupt(String)
    }

    /// A verdict and what it took.
    struct Result: Sendable {
        var verdict: Verdict
        /// 0 when an earlier verdict still held.
        var milliseconds: Int64
    }

    private struct Known {
        var fingerprint: Fingerprint
        var verdict: Verdict
    }

    private var known: [ContentRoot: Known] = [:]
    private var running: [ContentRoot: Task<Result, any Error>] = [:]

    /// Checks a file; callers for the same file share one reading.
    ///
    /// - Parameters:
    ///   - size: the bytes it must have.
    ///   - again: whether it is read although nothing changed.
    /// - Throws: `WireError` when the file could not be read to its end.
    func check(_ root: ContentRoot, path: String, size: Int64, again: Bool = false) async throws -> Result {
        if !again, let verdict = standing(root, path: path) {
            return Result(verdict: verdict, milliseconds: 0)
        }
        if let task = running[root] { return try await task.value }
        let task = Task { try await self.read(root, path: path, size: size) }
        running[root] = task
        defer { running[root] = nil }
        return try await task.value
    }

    /// The verdict that still holds for the file as it is now; nil when it must be read. A missing file needs no
    /// reading.
    func standing(_ root: ContentRoot, path: String) -> Verdict? {
        guard let now = Fingerprint.of(path) else { return .corrupt("the file is missing") }
        guard let known = known[root], known.fingerprint == now else { return nil }
        return known.verdict
    }

    private func read(_ root: ContentRoot, path: String, size: Int64) async throws -> Result {
        guard let now = Fingerprint.of(path) else {
            return Result(verdict: .corrupt("the file is missing"), milliseconds: 0)
        }
        guard now.size == size else {
            let verdict = Verdict.corrupt("it has \(now.size) bytes, not \(size)")
            known[root] = Known(fingerprint: now, verdict: verdict)
            return Result(verdict: verdict, milliseconds: 0)
        }
        let clock = ContinuousClock()
        let start = clock.now
        let (address, seen) = try await Blocking.run { try Self.hash(path) }
        let took = start.duration(to: clock.now).components
        let verdict: Verdict = address?.root == root ? .intact : .corrupt("its bytes do not have its address")
        known[root] = Known(fingerprint: seen, verdict: verdict)
        return Result(
            verdict: verdict,
            milliseconds: max(1, took.seconds * 1000 + took.attoseconds / 1_000_000_000_000_000))
    }

    /// The address of a file's bytes and the state in which it was read.
    private static func hash(_ path: String) throws -> (ContentAddress?, Fingerprint) {
        do {
            return try DiskFile.with(path, O_RDONLY | O_NOFOLLOW) { descriptor in
                let before = Fingerprint(try DiskFile.status(descriptor, path))
                posix_fadvise(descriptor, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))
                let buffer = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: FileIntake.bufferBytes, alignment: 4096)
                defer { buffer.deallocate() }
                var hasher = ContentHasher(wholeFile: false)
                while case let count = try DiskFile.read(descriptor, into: buffer), count > 0 {
                    hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
                guard Fingerprint(try DiskFile.status(descriptor, path)) == before else {
                    throw WireError(
                        .conflict, "The stored file \(path) was changed while it was checked.",
                        fix: "Nobody but content-d may write there; try again.")
                }
                return (hasher.finish(), before)
            }
        } catch let error as SystemError {
            throw WireError(
                .corrupt, "The stored file \(path) cannot be read.",
                fix: "Look at the disk's health (dmesg), then add the file again.", cause: error.message)
        }
    }
}
