// Proves that a key which the parent unsealed is taken before any file, and that nothing is made or mended beside it.

import Glibc
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import LedgerCore

@Suite struct SealedKeyTests {
    private func put(_ text: String, at path: String, mode: mode_t) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = write(descriptor, text, text.utf8.count)
        fchmod(descriptor, mode)
        close(descriptor)
    }

    @Test func theUnsealedKeyIsTakenAndNoFileIsMade() throws {
        let (state, secrets) = (try TemporaryDirectory(), try TemporaryDirectory())
        let secret = String(repeating: "0", count: 63) + "3\n"
        // systemd hands a secret over readable by this process alone, whatever its mode says.
        put(secret, at: secrets.path + "/" + NodeKeyFile.sealedName, mode: 0o440)
        let file = NodeKeyFile(stateDirectory: state.path, credentialsDirectory: secrets.path)
        let loaded = try file.load(mayCreate: true)
        #expect(file.isSealed && !loaded.created)
        // The x coordinate of 3G, from BIP-340's first test vector.
        #expect(
            loaded.key.publicKey.hex == "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9")
        #expect(access(state.path + "/" + NodeKeyFile.name, F_OK) != 0)
        try file.check()
    }

    @Test func withoutAnUnsealedKeyTheFileIsUsedAsEver() throws {
        let (state, secrets) = (try TemporaryDirectory(), try TemporaryDirectory())
        let file = NodeKeyFile(stateDirectory: state.path, credentialsDirectory: secrets.path)
        #expect(!file.isSealed && file.path == state.path + "/" + NodeKeyFile.name)
        #expect(try file.load(mayCreate: true).created)
    }

    @Test func aWrongUnsealedKeyIsRefusedAndNotReplaced() throws {
        let (state, secrets) = (try TemporaryDirectory(), try TemporaryDirectory())
        put("nonsense\n", at: secrets.path + "/" + NodeKeyFile.sealedName, mode: 0o400)
        let file = NodeKeyFile(stateDirectory: state.path, credentialsDirectory: secrets.path)
        #expect(throws: (any Error).self) { try file.load(mayCreate: true) }
        #expect(access(state.path + "/" + NodeKeyFile.name, F_OK) != 0)
    }

    /// A staged key would never be taken over: the parent hands out the sealed one again.
    @Test func aSealedKeyIsNotReplaced() async throws {
        let (fixture, secrets) = (try LedgerFixture(), try TemporaryDirectory())
        put(
            String(repeating: "0", count: 63) + "3\n", at: secrets.path + "/" + NodeKeyFile.sealedName,
            mode: 0o400)
        let daemon = try fixture.open(secrets: secrets.path)
        let text = try Passphrase.seal(.generate(), "correct horse", handling: .insecure).text
        let error = await #expect(throws: WireError.self) { try await daemon.restore(text, "correct horse") }
        #expect(error?.code == .policyRefused && error?.fix?.contains("setup") == true)
        #expect(access(fixture.keyPath + ".next", F_OK) != 0)
    }
}
