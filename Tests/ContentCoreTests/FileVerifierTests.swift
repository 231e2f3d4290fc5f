// Proves that a stored file is read when it may have changed, and only then, and that damage is never missed.

import Glibc
import NodeModel
import TestKit
import Testing

@testable import ContentCore

@Suite struct FileVerifierTests {
    private let folder: TemporaryDirectory
    private let path: String
    private let root: ContentRoot
    private let bytes = Sample.bytes(200_000)

    init() throws {
        folder = try TemporaryDirectory()
        path = folder.appending("f")
        root = try #require(Sample.address(bytes)).root
        close(try Sample.file(path, bytes))
    }

    private func check(_ verifier: FileVerifier, again: Bool = false) async throws -> FileVerifier.Result {
        try await verifier.check(root, path: path, size: Int64(bytes.count), again: again)
    }

    @Test("a whole file is read once, and again only when asked or changed")
    func caches() async throws {
        let verifier = FileVerifier()
        #expect(await verifier.standing(root, path: path) == nil)
        let first = try await check(verifier)
        #expect(first.verdict == .intact && first.milliseconds > 0)
        #expect(await verifier.standing(root, path: path) == .intact)
        #expect(try await check(verifier).milliseconds == 0)
        #expect(try await check(verifier, again: true).milliseconds > 0)
    }

    @Test("a flipped bit is found even when the times were set back", arguments: [0, 16_384, 199_999])
    func flipped(_ at: Int) async throws {
        let verifier = FileVerifier()
        _ = try await check(verifier)
        var info = stat()
        stat(path, &info)
        let descriptor = open(path, O_WRONLY)
        var byte = bytes[at] ^ 1
        #expect(pwrite(descriptor, &byte, 1, off_t(at)) == 1)
        var times = [info.st_atim, info.st_mtim]
        futimens(descriptor, &times)
        close(descriptor)
        #expect(await verifier.standing(root, path: path) == nil)
        #expect(try await check(verifier).verdict == .corrupt("its bytes do not have its address"))
        // Known to be bad: no second reading, no second chance without a change.
        let standing = await verifier.standing(root, path: path)
        #expect(standing == .corrupt("its bytes do not have its address"))
    }

    @Test("a file cut, gone, or replaced by a link is corrupt")
    func cutOrGone() async throws {
        let verifier = FileVerifier()
        truncate(path, 100)
        #expect(try await check(verifier).verdict == .corrupt("it has 100 bytes, not 200000"))
        unlink(path)
        #expect(try await check(verifier).verdict == .corrupt("the file is missing"))
        close(try Sample.file(folder.appending("g"), bytes))
        symlink(folder.appending("g"), path)
        #expect(try await check(verifier).verdict == .corrupt("the file is missing"))
    }

    @Test("a mended file is whole again")
    func mended() async throws {
        let verifier = FileVerifier()
        truncate(path, 100)
        _ = try await check(verifier)
        close(try Sample.file(path, bytes))
        #expect(try await check(verifier).verdict == .intact)
    }

    @Test("many who ask at once share one answer")
    func together() async throws {
        let verifier = FileVerifier()
        let verdicts = try await withThrowingTaskGroup(of: FileVerifier.Verdict.self) { group in
            for _ in 0..<20 { group.addTask { try await check(verifier).verdict } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(verdicts == Array(repeating: .intact, count: 20))
    }
}
