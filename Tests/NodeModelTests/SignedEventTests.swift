// Proves NIP-01: the serialization's exact bytes, ids of events that others signed, and that any change is found.

import FoundationEssentials
import NodeModel
import Testing

@Suite struct SignedEventTests {
    /// An event with a signature made by independent software: BIP-340 vector 0's key would sign only digests.
    static let known = #"""
        {"id":"4376c65d2f232afbe9b882a35baa4f6fe8667c4e684749af565f981833ed6a65",
        "pubkey":"6e468422dfb74a5738702a8823b9b28168abab8655faacb6853cd0ee15deee93",
        "created_at":1673347337,"kind":1,
        "tags":[["e","3da979448d9ba263864c4d6f14984c423a3838364ec255f03c7904b1ae77f206"],
        ["p","bf2376e17ba4ec269d10fcc996a4746b451152be9031fa48e74553dde5526bce"]],
        "content":"Walled gardens became prisons, and nostr is the first step towards tearing down the prison walls.",
        "sig":"908a15e46fb4d8675bab026fc230a0e3542bfade63da02d542fb78b2a8513fcd0092619a2c8c1221e581946e0191f2af505dfdf8657a414dbca329186f009262"}
        """#

    static func event() throws -> SignedEvent {
        try JSONDecoder().decode(SignedEvent.self, from: Data(known.utf8))
    }

    @Test func aForeignEventVerifies() throws {
        try Self.event().verify()
    }

    @Test func everyPartIsSigned() throws {
        let event = try Self.event()
        let other = try #require(
            PublicKey(hex: "bf2376e17ba4ec269d10fcc996a4746b451152be9031fa48e74553dde5526bce"))
        func changed(_ change: (inout EventTemplate) -> Void) -> SignedEvent {
            var template = event.template
            change(&template)
            return SignedEvent(
                id: event.id, pubkey: template.pubkey, createdAt: template.createdAt, kind: template.kind,
                tags: template.tags, content: template.content, sig: event.sig)
        }
        for wrong in [
            changed { $0.pubkey = other }, changed { $0.createdAt += 1 }, changed { $0.kind = 2 },
            changed { $0.tags.removeLast() }, changed { $0.tags[0].append("") },
            changed { $0.content += " " },
        ] {
            #expect(throws: EventError.wrongID) { try wrong.verify() }
            // With the id made right, only the signature tells.
            let repaired = SignedEvent(wrong.template, signature: Hex.decode(event.sig) ?? [])
            #expect(throws: EventError.wrongSignature) { try repaired.verify() }
        }
    }

    @Test func malformedFieldsAreNamed() throws {
        let event = try Self.event()
        func with(id: String, sig: String, kind: Int = 1) -> SignedEvent {
            SignedEvent(
                id: id, pubkey: event.pubkey, createdAt: event.createdAt, kind: kind, tags: event.tags,
                content: event.content, sig: sig)
        }
        #expect(throws: EventError.malformed(field: "id")) {
            try with(id: event.id.uppercased(), sig: event.sig).verify()
        }
        #expect(throws: EventError.malformed(field: "sig")) {
            try with(id: event.id, sig: String(event.sig.dropLast())).verify()
        }
        #expect(throws: EventError.kindOutOfRange(65_536)) {
            try with(id: event.id, sig: event.sig, kind: 65_536).verify()
        }
    }

    @Test func serializationEscapesExactlySevenCharacters() throws {
        let key = try Self.event().pubkey
        let template = EventTemplate(
            pubkey: key, createdAt: -1, kind: 7, tags: [["a\"", "\\"], []],
            content: "\n\"\\\r\t\u{08}\u{0C}/\u{01}\u{7F}é\u{1F9A6}")
        let expected =
            #"[0,"\#(key.hex)",-1,7,[["a\"","\\"],[]],"\n\"\\\r\t\b\f/"# + "\u{01}\u{7F}é\u{1F9A6}\"]"
        #expect(String(decoding: template.serialized(), as: UTF8.self) == expected)
    }

    @Test func jsonUsesTheNamesOfTheNIP() throws {
        let event = try Self.event()
        let text = String(decoding: try CanonicalJSON.encode(event), as: UTF8.self)
        #expect(text.contains(#""created_at":1673347337"#))
        #expect(try CanonicalJSON.decode(SignedEvent.self, from: text.utf8) == event)
    }

    @Test func onlyTagIsStrict() throws {
        let event = try Self.event()
        #expect(event.onlyTag("p")?.hasPrefix("bf23") == true)
        #expect(event.onlyTag("x") == nil)
        var template = event.template
        template.tags.append(["p", "again"])
        #expect(SignedEvent(template, signature: []).onlyTag("p") == nil)
    }
}
