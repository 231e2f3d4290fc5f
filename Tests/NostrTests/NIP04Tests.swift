// Proves that NIP-04 is read as rust-nostr writes it, and that a wallet which knows no better can be asked.

import FoundationEssentials
import NodeModel
import Testing

@testable import Nostr

@Suite struct NIP04Tests {
    private let first = SecretKey(bytes: [UInt8](repeating: 1, count: 32))
    private let second = SecretKey(bytes: [UInt8](repeating: 2, count: 32))
    /// `nip04_encrypt` of rust-nostr (nostr-sdk 0.45.1 for Python), from the key of ones to the key of twos.
    private let foreign =
        "bil5M3A+T0MilCOXzU6Y8/AU7G92EnhH/6R5w4uqe+SZbOePqNAbmvzHGcu3Kko0?iv=y1Q5kTycLmuVsuBL+jjTcg=="

    @Test func whatRustNostrWroteIsRead() throws {
        let (first, second) = (try #require(first), try #require(second))
        #expect(
            try NIP04.decrypt(foreign, second, with: first.publicKey)
                == #"{"method":"get_balance","params":{}} ä"#)
        let own = try NIP04.encrypt("ä", first, with: second.publicKey)
        let again = try NIP04.encrypt("ä", first, with: second.publicKey)
        #expect(NIP04.isOne(own) && own != again)
        #expect(try NIP04.decrypt(own, second, with: first.publicKey) == "ä")
    }

    @Test func whatIsCutOrChangedIsRefused() throws {
        let (first, second) = (try #require(first), try #require(second))
        func read(_ text: String) throws -> String { try NIP04.decrypt(text, second, with: first.publicKey) }
        #expect(throws: NIP44Error.payloadLength(4)) { try read("AAAA") }
        #expect(throws: NIP44Error.badBase64) { try read("!?iv=AAAA") }
        #expect(throws: NIP44Error.badPadding) { try read("?iv=y1Q5kTycLmuVsuBL+jjTcg==") }
        #expect(throws: NIP44Error.badPadding) { try read(String(foreign.dropFirst(4))) }
        let other = try #require(SecretKey(bytes: [UInt8](repeating: 3, count: 32)))
        #expect(throws: NIP44Error.self) { try NIP04.decrypt(foreign, other, with: first.publicKey) }
    }

    @Test func aWalletThatKnowsNoBetterIsAskedSo() throws {
        let pair = try WalletTests.Pair()
        let sent = try WalletRequest.balance.event(pair.connection, now: 1, encryption: .nip04)
        #expect(sent.onlyTag("encryption") == "nip04")
        let client = pair.connection.secret.publicKey
        #expect(
            try NIP04.decrypt(sent.content, pair.wallet, with: client)
                == #"{"method":"get_balance","params":{}}"#)
        let json = #"{"result_type":"get_balance","result":{"balance":1}}"#
        let answer = try pair.wallet.sign(
            EventTemplate(
                pubkey: pair.wallet.publicKey, createdAt: 2, kind: 23195,
                tags: [["p", client.hex], ["e", sent.id]],
                content: try NIP04.encrypt(json, pair.wallet, with: client)))
        #expect(try WalletResponse(answer, to: .balance, sent: sent, pair.connection) == .balance(1))
        // Who refuses before reading does not repeat what was asked.
        #expect(
            try WalletResponse(
                json: #"{"error":{"code":"UNSUPPORTED_ENCRYPTION","message":"nip04"}}"#, to: .balance)
                == .failed(WalletFailure(code: .unsupportedEncryption, message: "nip04")))
    }
}
