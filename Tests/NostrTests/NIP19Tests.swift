// Proves the names people copy: the NIP's own examples both ways, BIP-173's bad strings, every truncation.

import NodeModel
import Nostr
import Testing

@Suite struct NIP19Tests {
    static let npub = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg"
    static let npubHex = "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e"
    static let nsec = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"
    static let nprofile =
        "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6"
        + "nzv9ejuumpv34kytnrdaksjlyr9p"

    @Test func theExamplesOfTheNIP() throws {
        let key = try #require(PublicKey(hex: Self.npubHex))
        #expect(try NIP19(Self.npub) == .npub(key))
        #expect(key.npub == Self.npub)
        let other = try #require(
            PublicKey(hex: "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"))
        #expect(other.npub == "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6")
        let profile = NIP19.nprofile(other, relays: ["wss://r.x.com", "wss://djbas.sadkb.com"])
        #expect(try NIP19(Self.nprofile) == profile)
        #expect(profile.text == Self.nprofile)
        let secret = try NIP19.secretKey(nsec: Self.nsec)
        #expect(secret.publicKey == key)
        #expect(secret.exposeNsec() == Self.nsec)
    }

    @Test func eventsSurviveWithAllTheirParts() throws {
        let key = try #require(PublicKey(hex: Self.npubHex))
        let id = [UInt8](repeating: 0xAB, count: 32)
        for name in [
            NIP19.note(id), .nevent(id: id, relays: [], author: nil, kind: nil),
            .nevent(id: id, relays: ["wss://a", "wss://b"], author: key, kind: 7860),
            .nprofile(key, relays: []),
        ] {
            #expect(try NIP19(name.text) == name)
            #expect(try NIP19("nostr:" + name.text) == name)
            #expect(try NIP19(name.text.uppercased()) == name)
        }
    }

    @Test func everySingleMistakeIsFound() {
        let characters = Array(Self.npub)
        for index in characters.indices {
            var wrong = characters
            wrong[index] = wrong[index] == "q" ? "p" : "q"
            #expect(throws: NIP19Error.self) { try NIP19(String(wrong)) }
            #expect(throws: NIP19Error.self) { try NIP19(String(characters[..<index])) }
        }
    }

    @Test func secretsAreNotNames() {
        #expect(throws: NIP19Error.unknownPrefix("nsec")) { try NIP19(Self.nsec) }
        #expect(throws: NIP19Error.unknownPrefix("npub")) { try NIP19.secretKey(nsec: Self.npub) }
    }

    @Test func wrongContentsAreRefused() {
        let zero = [UInt8](repeating: 0, count: 32)
        #expect(throws: NIP19Error.badValue) { try NIP19(Bech32.encode(prefix: "npub", bytes: zero)) }
        #expect(throws: NIP19Error.wrongLength) { try NIP19(Bech32.encode(prefix: "npub", bytes: [1])) }
        #expect(throws: NIP19Error.wrongLength) {
            try NIP19(Bech32.encode(prefix: "nevent", bytes: [0, 32, 1]))
        }
        #expect(throws: NIP19Error.missingSpecial) {
            try NIP19(Bech32.encode(prefix: "nevent", bytes: [9, 0]))
        }
        let twice = ([0, 32] + zero) + ([0, 32] + zero)
        #expect(throws: NIP19Error.missingSpecial) {
            try NIP19(Bech32.encode(prefix: "nevent", bytes: twice))
        }
        #expect(throws: NIP19Error.badValue) {
            try NIP19.secretKey(nsec: Bech32.encode(prefix: "nsec", bytes: zero))
        }
    }

    @Test func peopleMayTypeEitherForm() {
        #expect(PublicKey(npubOrHex: Self.npub)?.hex == Self.npubHex)
        #expect(PublicKey(npubOrHex: Self.npubHex)?.npub == Self.npub)
        #expect(PublicKey(npubOrHex: Self.nsec) == nil)
        #expect(PublicKey(npubOrHex: "") == nil)
    }

    /// BIP-173's valid bech32 strings whose data is whole bytes, or not.
    @Test(arguments: ["A12UEL5L", "a12uel5l", "?1ezyfcl"])
    func validBech32(_ text: String) throws {
        let (prefix, bytes) = try Bech32.decode(text)
        #expect(bytes.isEmpty)
        #expect(Bech32.encode(prefix: prefix, bytes: bytes) == text.lowercased())
    }

    /// BIP-173's invalid strings.
    @Test(arguments: [
        "\u{20}1nwldj5", "\u{7F}1axkwrx", "pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3",
        "A1G7SGD8", "10a06t8", "1qzzfhee", "de1lg7wt\u{FF}", "a12UEL5L",
    ])
    func invalidBech32(_ text: String) {
        #expect(throws: Bech32Error.self) { try Bech32.decode(text) }
    }

    @Test func lengthIsBounded() {
        let long = Bech32.encode(prefix: "npub", bytes: [UInt8](repeating: 0, count: 5000))
        #expect(throws: Bech32Error.tooLong) { try Bech32.decode(long) }
    }
}
