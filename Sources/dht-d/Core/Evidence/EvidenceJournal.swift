// The evidence that others put here since all of it was last written: each piece is in the file before its sender hears that it
// is kept, so that a kill loses none. It must never grow past a full store, nor make a piece valid.

import Glibc
import Synchronization

/// Two files beside the file of all evidence: what comes, and what came before a whole write that has not ended.
final class EvidenceJournal: Sendable {
    private struct State: Sendable {
        /// -1 when it is not open.
        var descriptor: Int32 = -1
        var size = 0
        var problem: String?
    }

    private let path: String
    private let state = Mutex(State())
    private var older: String { path + ".before" }

    init(path: String) { self.path = path }

    deinit { state.withLock { if $0.descriptor >= 0 { close($0.descriptor) } } }

    /// Why the last piece could not be written; nil when it was.
    var problem: String? { state.withLock(\.problem) }

    /// What the last run left, the older ones first. A torn end is passed over: nobody was told that it is kept.
    func read() throws(WholeFile.Failure) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        for path in [older, path] {
            pieces += Self.pieces(try WholeFile(path: path).read(atMost: EvidenceFile.maximumSize) ?? [])
        }
        return pieces
    }

    /// All whole pieces that the bytes begin with.
    static func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while rest.count >= 2 {
            let count = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            guard count > 0, count <= EvidenceStore.maximumSize, rest.count >= count + 2 else { break }
            pieces.append(Array(rest.dropFirst(2).prefix(count)))
            rest = rest.dropFirst(count + 2)
        }
        return pieces
    }

    /// Hands a piece to the system, which writes it whatever becomes of this process.
    func append(_ piece: [UInt8]) {
        let bytes = [UInt8(piece.count >> 8), UInt8(piece.count & 0xFF)] + piece
        state.withLock { state in
            do throws(WholeFile.Failure) {
                try put(bytes, &state)
                state.problem = nil
            } catch { state.problem = String(describing: error) }
        }
    }

    private func put(_ bytes: [UInt8], _ state: inout State) throws(WholeFile.Failure) {
        if state.descriptor < 0 {
            state.descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard state.descriptor >= 0 else { throw failure("open", errno) }
            state.size = Int(lseek(state.descriptor, 0, SEEK_END))
        }
        guard state.size + bytes.count <= EvidenceFile.maximumSize else { throw failure("append to", EFBIG) }
        let wrote = bytes.withUnsafeBytes { write(state.descriptor, $0.baseAddress, $0.count) }
        guard wrote == bytes.count else {
            let code = wrote < 0 ? errno : ENOSPC
            // Half a piece would hide those after it.
            _ = ftruncate(state.descriptor, off_t(state.size))
            throw failure("append to", code)
        }
        state.size += bytes.count
    }

    /// All that came is about to be written as a whole: what comes from now on goes into a file of its own.
    func turn() {
        state.withLock { state in
            // While an earlier one waits, because the whole could not be written, both go on.
            guard access(older, F_OK) != 0, rename(path, older) == 0 else { return }
            if state.descriptor >= 0 { close(state.descriptor) }
            state.descriptor = -1
        }
    }

    /// The whole is on the disk.
    func settle() { _ = unlink(older) }

    private func failure(_ step: String, _ code: Int32) -> WholeFile.Failure {
        WholeFile.Failure(step: step, path: path, code: code)
    }
}
