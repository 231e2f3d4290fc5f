// Proves that the decoder takes exactly canonical bencode within its limits, and nothing else.

import DHTCore
import Testing

@Suite struct BencodeDecoderTests {
    private func decode(_ text: String, _ limits: BencodeLimits = .packet) throws(BencodeError) -> BValue {
        try BencodeDecoder.decode(Array(text.utf8)[...], limits: limits)
    }

    @Test(arguments: [
        "i0e", "i-1e", "i9223372036854775807e", "i-9223372036854775808e", "0:", "4:spam", "le", "de",
        "l4:spam4:eggse", "d3:cow3:moo4:spam4:eggse", "d4:spaml1:a1:bee", "d0:0:1:ai1ee", "lllleeee",
    ])
    func canonicalInputRoundTrips(_ text: String) throws {
        var writer = BencodeWriter()
        writer.value(try decode(text))
        #expect(writer.output == Array(text.utf8))
    }

    @Test(arguments: [
        ("", BencodeError.truncated), ("i", .truncated), ("i12", .truncated), ("4:spa", .truncated),
        ("l", .truncated),
        ("d1:a", .truncated), ("d1:ai1e", .truncated), ("99999999:x", .truncated),
        ("2147483647:", .truncated),
        ("i0ei0e", .trailingBytes), ("0:x", .trailingBytes),
        ("ie", .badInteger), ("i-e", .badInteger), ("i-0e", .badInteger), ("i01e", .badInteger),
        ("i-01e", .badInteger),
        ("i1x", .badInteger), ("i+1e", .badInteger), ("i 1e", .badInteger),
        ("i9223372036854775808e", .badInteger),
        ("i-9223372036854775809e", .badInteger), ("i99999999999999999999999e", .badInteger),
        ("01:a", .badLength), ("00:", .badLength), ("1x:a", .badLength), ("2147483648:", .badLength),
        ("99999999999999999999999:", .badLength), ("x", .unexpectedByte), ("-1:", .unexpectedByte),
        ("e", .unexpectedByte),
        ("di1ei2ee", .keyNotString), ("dlei2ee", .keyNotString),
        ("d1:bi1e1:ai2ee", .keysNotSorted), ("d1:ai1e1:ai2ee", .keysNotSorted),
        ("d2:aai1e1:bi1e1:ai1ee", .keysNotSorted),
    ])
    func everythingElseIsRefusedForItsReason(_ text: String, _ reason: BencodeError) {
        #expect(throws: reason) { try decode(text) }
    }

    @Test func aDictionaryWithoutAValueIsRefused() {
        #expect(throws: BencodeError.unexpectedByte) { try decode("d1:ae") }
    }

    @Test func depthSizeAndCountAreBounded() throws {
        let deep = String(repeating: "l", count: 8) + String(repeating: "e", count: 8)
        _ = try decode(deep)
        #expect(throws: BencodeError.tooDeep) { try decode("l\(deep)e") }
        #expect(throws: BencodeError.tooDeep) { try decode(String(repeating: "l", count: 1500)) }
        #expect(throws: BencodeError.tooLarge) { try decode("1497:" + String(repeating: "a", count: 1497)) }
        let limits = BencodeLimits(size: 1000, depth: 2, values: 4)
        _ = try decode("li1ei2ei3ee", limits)
        #expect(throws: BencodeError.tooManyValues) { try decode("li1ei2ei3ei4ee", limits) }
    }

    @Test func sortingIsByRawBytes() throws {
        // "B" (0x42) sorts before "a" (0x61), and a prefix before what it begins.
        _ = try decode("d1:Bi1e1:ai2e2:aai3ee")
        #expect(throws: BencodeError.keysNotSorted) { try decode("d1:ai2e1:Bi1ee") }
    }

    @Test func valuesAreFoundByKey() throws {
        let value = try decode("d1:ai7e1:bl1:xe2:cc3:xyze")
        #expect(value["a"]?.integer == 7)
        #expect(value["b"]?.list?.count == 1)
        #expect(value["cc"]?.bytes.map(Array.init) == Array("xyz".utf8))
        #expect(value["c"] == nil)
        #expect(value["a"]?["x"] == nil)
    }
}
