// Proves that the key is made once, kept private, and that what is wrong with it is said, never repaired.

import DaemonKit
import Glibc
import NodeModel
import Nostr
import TestKit
import Testing

@testable import LedgerCore

@Suite struct NodeKeyFileTests {
    let directory: TemporaryDirectory
    let file: NodeKeyFile

    init() throws {
        directory = try TemporaryDirectory()
        file = NodeKeyFile(stateDirectory: directory.path)
    }

    private func put(_ text: String, mode: mode_t = 0o600) {
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = write(descriptor, text, text.utf8.count)
        fchmod(descriptor, mode)
        close(descriptor)
    }

    private func refusal(mayCreate: Bool = true) throws -> StartFailure {
        try #require(throws: StartFailure.self) { try file.load(mayCreate: mayCreate) }
    }

    @Test func aKeyIsMadeOnceAndStays() throws {
        let first = try file.load(mayCreate: true)
        let second = try file.load(mayCreate: true)
        #expect(first.created && !second.created)
        #expect(first.key.publicKey == second.key.publicKey)
        var info = stat()
        #expect(stat(file.path, &info) == 0)
        #expect(info.st_mode & 0o7777 == 0o600 && info.st_size == 65 && info.st_nlink == 1)
        #expect(access(file.path + ".new", F_OK) != 0)
        try file.check()
    }

    @Test(arguments: [mode_t(0o640), 0o604, 0o660, 0o666, 0o620, 0o601])
    func aModeForOthersIsRefused(_ mode: mode_t) throws {
        put(String(repeating: "1", count: 64) + "\n", mode: mode)
        let failure = try refusal()
        #expect(failure.exit == .config && failure.fix?.contains("chmod 600") == true)
        #expect(throws: StartFailure.self) { try file.check() }
    }

    @Test(arguments: [
        "", "\n", String(repeating: "1", count: 64), String(repeating: "1", count: 63) + "\n",
        String(repeating: "A", count: 64) + "\n", String(repeating: "0", count: 64) + "\n",
        String(repeating: "f", count: 64) + "\n", String(repeating: "1", count: 64) + "\n\n",
    ])
    func aCorruptKeyIsKeptAndRefused(_ text: String) throws {
        put(text)
        let failure = try refusal()
        #expect(failure.exit == .config && failure.fix != nil)
        #expect(!failure.message.contains("1111"))
        var info = stat()
        #expect(stat(file.path, &info) == 0 && info.st_size == text.utf8.count)
    }

    @Test func aLinkOrADirectoryIsRefused() throws {
        let target = directory.appending("elsewhere")
        put(String(repeating: "1", count: 64) + "\n")
        rename(file.path, target)
        symlink(target, file.path)
        #expect(try refusal().exit == .config)
        unlink(file.path)
        mkdir(file.path, 0o700)
        #expect(try refusal().exit == .config)
    }

    @Test func aMissingKeyIsNotReplacedWhenALedgerIsThere() throws {
        let failure = try refusal(mayCreate: false)
        #expect(failure.exit == .config && failure.fix?.contains("backup") == true)
        #expect(access(file.path, F_OK) != 0)
    }

    @Test func whatACrashLeftBehindDoesNotMatter() throws {
        // Killed before the link: half a file under the other name.
        let half = open(file.path + ".new", O_WRONLY | O_CREAT, 0o600)
        _ = write(half, "12", 2)
        close(half)
        let made = try file.load(mayCreate: true)
        // Killed after the link: both names of one key.
        link(file.path, file.path + ".new")
        #expect(try file.load(mayCreate: true).key.publicKey == made.key.publicKey)
        #expect(access(file.path + ".new", F_OK) != 0)
    }
}
