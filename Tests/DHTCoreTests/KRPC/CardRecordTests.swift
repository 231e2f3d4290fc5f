// Proves that the compact form loses nothing that was signed, and takes nothing that was not.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct CardRecordTests {
    @Test func aSignedCardSurvivesAndStillVerifies() throws {
        let event = try TestCards.signed(
            1, created: 1_800_000_000, extra: [["note", "grüße \"\n\u{1F600}", ""], ["empty"]])
        let record = try #require(CardRecord(event))
        let back = try #require(CardRecord(encoded: record.encoded))
        #expect(back.event == event)
        #expect(back == record)
        try back.event.verify()
        #expect(record.encoded.count < 700)
    }

    @Test func aPlainCardIsSmall() throws {
        let record = try #require(CardRecord(try TestCards.signed(1, created: 1_800_000_000)))
        #expect(record.encoded.count <= 450)
    }

    @Test func anEventWhoseIDIsNotItsHashIsRefused() throws {
        let event = try TestCards.signed(1, created: 1_800_000_000)
        let lying = SignedEvent(
            id: String(event.id.reversed()), pubkey: event.pubkey, createdAt: event.createdAt,
            kind: event.kind,
            tags: event.tags, content: event.content, sig: event.sig)
        #expect(CardRecord(lying) == nil)
    }

    @Test(arguments: [
        "d1:ci1e1:ki31860e1:p31:ppppppppppppppppppppppppppppppp1:s64:sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss1:tle1:x0:e",
        "d1:ci1e1:ki31860e1:tle1:x0:e",
        "d1:ci1e1:ki-1e1:p32:pppppppppppppppppppppppppppppppp1:s64:ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss1:tle1:x0:e",
        "d1:ci1e1:ki31860e1:p32:pppppppppppppppppppppppppppppppp1:s64:ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss1:tli1ee1:x0:e",
        "d1:ci1e1:ki31860e1:p32:pppppppppppppppppppppppppppppppp1:s64:ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss1:tle1:x0:1:y0:e",
        "le",
    ])
    func otherShapesAreRefused(_ text: String) {
        #expect(CardRecord(encoded: Array(text.utf8)) == nil)
    }

    @Test func bytesThatAreNoTextAreRefused() {
        let head = "d1:ci1e1:ki31860e1:p32:pppppppppppppppppppppppppppppppp1:s64:"
        let signature = String(repeating: "s", count: 64)
        #expect(CardRecord(encoded: Array("\(head)\(signature)1:tle1:x2:hie".utf8)) != nil)
        #expect(
            CardRecord(encoded: Array("\(head)\(signature)1:tle1:x2:".utf8) + [0xC3, 0x28] + Array("e".utf8))
                == nil)
    }
}
