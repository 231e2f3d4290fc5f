// Proves NIP-49's format against the NIP's example, and its cipher against draft-irtf-cfrg-xchacha. The passphrase's
// own part, scrypt, is ledger-d's and proven there.

import Crypto
import NodeModel
import Testing

@testable import Nostr

@Suite struct NIP49Tests {
    static let example =
        "ncryptsec1qgg9947rlpvqu76pj5ecreduf9jxhselq2nae2kghhvd5g7dgjtcxfqtd67p9m0w57lspw8gsq6yphnm8623nsl8xn9j4"
        + "jdzz84zm3frztj3z7s35vpzmqf6ksu8r89qk5z2zxfmu5gv8th8wclt0h4p"

    private func symmetric(_ hex: String) throws -> SymmetricKey {
        SymmetricKey(data: try #require(Hex.decode(hex, count: 32)))
    }

    /// The key is what Python's hashlib.scrypt makes of "nostr" and the example's salt at 2^16.
    @Test func theExampleOpens() throws {
        let read = try NIP49(Self.example)
        #expect(read.logN == 16 && read.text == Self.example)
        let derived = try symmetric("6d1e8b279f52b3a9ba60a2b43cab50804a67ac763ff4bafa782475efb0722aff")
        let key = try read.open(derived)
        #expect(
            key.withBytes { Hex.encode($0) }
                == "3501454135014541350145413501453fefb02227e449e57cf4d3a3ce05378683")
        #expect(throws: NIP49Error.notAuthentic) { try read.open(SymmetricKey(size: .bits256)) }
        #expect(throws: NIP49Error.notAuthentic) { try read.open(SymmetricKey(size: .bits128)) }
    }

    @Test func whatIsSealedOpens() throws {
        let (key, derived) = (SecretKey.generate(), SymmetricKey(size: .bits256))
        let salt = [UInt8](repeating: 3, count: 16)
        let sealed = try #require(NIP49(key, handling: .secure, logN: 16, salt: salt, derived: derived))
        let again = try #require(NIP49(key, handling: .secure, logN: 16, salt: salt, derived: derived))
        #expect(sealed.text != again.text)
        let read = try NIP49(sealed.text)
        #expect(read == sealed && read.salt == salt)
        #expect(try read.open(derived).publicKey == key.publicKey)
        #expect(NIP49(key, handling: .secure, logN: 16, salt: [1], derived: derived) == nil)
        #expect(
            NIP49(key, handling: .secure, logN: 16, salt: salt, nonce: [1], derived: derived) == nil)
    }

    @Test func everyByteIsAuthenticatedOrChangesTheDerivedKey() throws {
        let (key, derived) = (SecretKey.generate(), SymmetricKey(size: .bits256))
        let salt = [UInt8](repeating: 3, count: 16)
        let text = try #require(NIP49(key, handling: .secure, logN: 16, salt: salt, derived: derived)).text
        let bytes = try Bech32.decode(text).bytes
        for index in bytes.indices {
            var wrong = bytes
            wrong[index] ^= 1
            let changed = Bech32.encode(prefix: "ncryptsec", bytes: wrong)
            switch index {
            case 0: #expect(throws: NIP49Error.unknownVersion(3)) { try NIP49(changed) }
            case 1: #expect(try NIP49(changed).logN == 17)
            case 2..<18: #expect(try NIP49(changed).salt != salt)
            default: #expect(throws: NIP49Error.notAuthentic) { try NIP49(changed).open(derived) }
            }
        }
    }

    @Test func otherTextIsRefused() throws {
        let bytes = try Bech32.decode(Self.example).bytes
        #expect(throws: NIP49Error.otherPrefix("nsec")) {
            try NIP49(Bech32.encode(prefix: "nsec", bytes: bytes))
        }
        #expect(throws: NIP49Error.wrongLength(90)) {
            try NIP49(Bech32.encode(prefix: "ncryptsec", bytes: Array(bytes.dropLast())))
        }
        #expect(throws: NIP49Error.bech32(.badChecksum)) {
            try NIP49(Self.example.replacing("4p", with: "4q"))
        }
        #expect(throws: NIP49Error.bech32(.tooLong)) { try NIP49(String(repeating: "q", count: 201)) }
    }

    /// draft-irtf-cfrg-xchacha-03, section 2.2.1.
    @Test func hChaCha20() throws {
        let nonce = try #require(Hex.decode("000000090000004a0000000031415927"))
        #expect(
            Hex.encode(ChaCha20.derive(key: (0..<32).map { UInt8($0) }, nonce: nonce))
                == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc")
    }

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    @Test func xChaCha20Poly1305() throws {
        let plaintext = Array(
            ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
                + "sunscreen would be it.").utf8)
        let key = SymmetricKey(data: (0x80..<0xA0).map { UInt8($0) })
        let nonce = (0x40..<0x58).map { UInt8($0) }
        let data = try #require(Hex.decode("50515253c0c1c2c3c4c5c6c7"))
        let sealed = try XChaCha20Poly1305.seal(plaintext, key: key, nonce: nonce, authenticating: data)
        #expect(
            Hex.encode(sealed)
                == "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
                + "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
                + "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
                + "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49")
        #expect(
            try XChaCha20Poly1305.open(sealed, key: key, nonce: nonce, authenticating: data)
                .elementsEqual(plaintext))
    }
}
