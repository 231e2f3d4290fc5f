// Proves NIP-44 against all its published vectors: keys, padding, payloads, and everything that must be refused.

import Crypto
import FoundationEssentials
import NodeModel
import Testing

@testable import Nostr

@Suite struct NIP44Tests {
    struct Case: Decodable {
        var sec1: String?
        var sec2: String?
        var pub2: String?
        var conversation_key: String?
        var nonce: String?
        var plaintext: String?
        var payload: String?
        var note: String?
        var chacha_key: String?
        var chacha_nonce: String?
        var hmac_key: String?
        var pattern: String?
        var `repeat`: Int?
        var plaintext_sha256: String?
        var payload_sha256: String?

        init(_ line: String) throws {
            self = try JSONDecoder().decode(Case.self, from: Data(line.utf8))
        }

        func bytes(_ field: String?) throws -> [UInt8] {
            try #require(field.flatMap { Hex.decode($0) })
        }
    }

    @Test(arguments: NIP44Vectors.conversationKeys)
    func conversationKey(_ line: String) throws {
        let vector = try Case(line)
        let secret = try #require(SecretKey(bytes: try vector.bytes(vector.sec1)))
        let peer = try #require(PublicKey(bytes: try vector.bytes(vector.pub2)))
        let key = try NIP44.ConversationKey(secret, with: peer)
        #expect(key.key.withUnsafeBytes { Hex.encode($0) } == vector.conversation_key)
    }

    @Test(arguments: NIP44Vectors.messageKeys)
    func messageKeys(_ line: String) throws {
        let vector = try Case(line)
        let conversation = NIP44.ConversationKey(
            bytes: try vector.bytes(NIP44Vectors.messageConversationKey))
        let keys = MessageKeys(conversation, nonce: try vector.bytes(vector.nonce))
        #expect(Hex.encode(keys.cipher) == vector.chacha_key)
        #expect(Hex.encode(keys.cipherNonce) == vector.chacha_nonce)
        #expect(keys.mac.withUnsafeBytes { Hex.encode($0) } == vector.hmac_key)
    }

    @Test func paddedLengths() {
        for (length, padded) in NIP44Vectors.paddedLengths {
            #expect(NIP44.paddedLength(length) == padded, "\(length)")
        }
    }

    @Test(arguments: NIP44Vectors.encryptDecrypt)
    func encryptDecrypt(_ line: String) throws {
        let vector = try Case(line)
        let first = try #require(SecretKey(bytes: try vector.bytes(vector.sec1)))
        let second = try #require(SecretKey(bytes: try vector.bytes(vector.sec2)))
        let key = try NIP44.ConversationKey(first, with: second.publicKey)
        #expect(key.key.withUnsafeBytes { Hex.encode($0) } == vector.conversation_key)
        let plaintext = try #require(vector.plaintext)
        let payload = try NIP44.encrypt(Array(plaintext.utf8), key, nonce: try vector.bytes(vector.nonce))
        #expect(payload == vector.payload)
        let back = try NIP44.ConversationKey(second, with: first.publicKey)
        #expect(try NIP44.decrypt(payload, back) == plaintext)
    }

    @Test(arguments: NIP44Vectors.longMessages)
    func longMessage(_ line: String) throws {
        let vector = try Case(line)
        let key = NIP44.ConversationKey(bytes: try vector.bytes(vector.conversation_key))
        let plaintext = String(repeating: vector.pattern ?? "", count: vector.repeat ?? 0)
        #expect(Hex.encode(SHA256.hash(data: Data(plaintext.utf8))) == vector.plaintext_sha256)
        let payload = try NIP44.encrypt(Array(plaintext.utf8), key, nonce: try vector.bytes(vector.nonce))
        #expect(Hex.encode(SHA256.hash(data: Data(payload.utf8))) == vector.payload_sha256)
        #expect(try NIP44.decrypt(payload, key) == plaintext)
    }

    @Test(arguments: NIP44Vectors.invalidLengths)
    func invalidLength(_ length: Int) {
        let key = NIP44.ConversationKey(bytes: [UInt8](repeating: 1, count: 32))
        #expect(throws: NIP44Error.plaintextLength(length)) {
            try NIP44.encrypt(String(repeating: "a", count: length), key)
        }
    }

    @Test(arguments: NIP44Vectors.invalidConversationKeys)
    func invalidConversationKey(_ line: String) throws {
        let vector = try Case(line)
        let peer = try #require(PublicKey(bytes: try vector.bytes(vector.pub2)))
        guard let secret = SecretKey(bytes: try vector.bytes(vector.sec1)) else { return }
        #expect(throws: NIP44Error.badPublicKey) { try NIP44.ConversationKey(secret, with: peer) }
    }

    @Test(arguments: NIP44Vectors.invalidPayloads)
    func invalidPayload(_ line: String) throws {
        let vector = try Case(line)
        let key = NIP44.ConversationKey(bytes: try vector.bytes(vector.conversation_key))
        let payload = try #require(vector.payload)
        let expected: NIP44Error =
            switch vector.note ?? "" {
            case let note where note.hasPrefix("unknown encryption version"): .unknownVersion
            case "invalid base64": .badBase64
            case "invalid MAC": .notAuthentic
            case "invalid padding": .badPadding
            default: .payloadLength(payload.utf8.count)
            }
        #expect(throws: expected) { try NIP44.decrypt(payload, key) }
    }

    @Test func allVectorsAreThere() {
        let counts = [
            NIP44Vectors.conversationKeys.count, NIP44Vectors.messageKeys.count,
            NIP44Vectors.paddedLengths.count,
            NIP44Vectors.encryptDecrypt.count, NIP44Vectors.longMessages.count,
            NIP44Vectors.invalidLengths.count,
            NIP44Vectors.invalidConversationKeys.count, NIP44Vectors.invalidPayloads.count,
        ]
        #expect(counts == [35, 32, 24, 10, 3, 4, 8, 12])
    }

    @Test func noncesAreFreshAndEveryCharacterCounts() throws {
        let key = try NIP44.ConversationKey(.generate(), with: SecretKey.generate().publicKey)
        let payload = try NIP44.encrypt("secret", key)
        #expect(try NIP44.encrypt("secret", key) != payload)
        for index in payload.indices {
            var wrong = payload
            wrong.replaceSubrange(index...index, with: payload[index] == "A" ? "B" : "A")
            #expect(throws: NIP44Error.self) { try NIP44.decrypt(wrong, key) }
        }
    }

    @Test func theKeyDoesNotPrint() {
        let key = NIP44.ConversationKey(bytes: [UInt8](repeating: 0xAB, count: 32))
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!"\(key)\(String(reflecting: key))\(dumped)".contains("171"))
    }

    /// RFC 8439, section 2.4.2.
    @Test func chaCha20MatchesItsRFC() {
        let key = (0..<32).map { UInt8($0) }
        let nonce: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0x4A, 0, 0, 0, 0]
        let plaintext = Array(
            ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
                + "sunscreen would be it.").utf8)
        let sealed = ChaCha20.apply(to: plaintext, key: key, nonce: nonce, counter: 1)
        #expect(
            Hex.encode(sealed)
                == "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d6"
                + "24e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74"
                + "a35be6b40b8eedf2785e42874d")
        #expect(ChaCha20.apply(to: sealed, key: key, nonce: nonce, counter: 1) == plaintext)
    }
}
