// Proves signing against every BIP-340 vector that has a secret key, and that a key never shows itself.

import NodeModel
import Nostr
import Testing

@Suite struct SecretKeyTests {
    static let signing = bip340Vectors.split(separator: "\n").dropFirst().map(String.init).filter {
        !$0.split(separator: ",", omittingEmptySubsequences: false)[1].isEmpty
    }

    @Test(arguments: signing)
    func officialVector(_ line: String) throws {
        let fields = line.split(separator: ",", omittingEmptySubsequences: false).map { $0.lowercased() }
        let key = try #require(SecretKey(bytes: Hex.decode(fields[1], count: 32) ?? []))
        #expect(key.publicKey.hex == fields[2])
        let message = try #require(Hex.decode(fields[4]))
        let auxiliary = try #require(Hex.decode(fields[3], count: 32))
        #expect(Hex.encode(try key.signature(of: message, auxiliary: auxiliary)) == fields[5])
    }

    @Test func eightVectorsSign() {
        #expect(Self.signing.count == 8)
    }

    @Test(arguments: [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "01", "",
    ])
    func numbersOutsideTheGroupAreNoKeys(_ hex: String) {
        #expect(SecretKey(bytes: Hex.decode(hex) ?? []) == nil)
    }

    @Test func signedEventsVerifyAndAreFresh() throws {
        let key = SecretKey.generate()
        let template = EventTemplate(
            pubkey: key.publicKey, createdAt: 1_790_000_000, kind: 1, content: "hello")
        let first = try key.sign(template)
        let second = try key.sign(template)
        try first.verify()
        try second.verify()
        // Each signature draws new randomness, so that a fault in one cannot be compared with another.
        #expect(first.sig != second.sig && first.id == second.id)
        let other = SecretKey.generate()
        #expect(throws: SigningError.otherAuthor(key.publicKey)) { try other.sign(template) }
    }

    @Test func aKeyNeverPrintsItself() throws {
        let secret = "67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa"
        let bytes = try #require(Hex.decode(secret))
        let key = try #require(SecretKey(bytes: bytes))
        var dumped = ""
        dump(key, to: &dumped)
        dump([key], to: &dumped)
        for text in ["\(key)", String(reflecting: key), "\([key])", "\(Optional(key) as Any)", dumped] {
            #expect(!text.contains("67dea2ed") && !text.contains(bytes.description))
            #expect(!text.contains("103, 222"))
        }
        #expect(key.withBytes { Array($0) } == bytes)
    }
}
