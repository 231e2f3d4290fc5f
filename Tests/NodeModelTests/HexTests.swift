// Proves that hexadecimal has one spelling: what is not lower case and even is no key, id or hash.

import NodeModel
import Testing

@Suite struct HexTests {
    @Test func everyByteSurvives() {
        let all = (0...255).map { UInt8($0) }
        let text = Hex.encode(all)
        #expect(text.hasPrefix("000102") && text.hasSuffix("fdfeff"))
        #expect(Hex.decode(text) == all)
        #expect(Hex.decode(text, count: 256) == all)
    }

    @Test(arguments: ["0", "0A", "AB", "0g", " 00", "00 ", "0x00", "é0", "+1", "00\n"])
    func otherSpellingsAreRefused(_ text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test func theCountIsExact() {
        #expect(Hex.decode("0011", count: 1) == nil)
        #expect(Hex.decode("0011", count: 3) == nil)
        #expect(Hex.decode("", count: 0) == [])
    }
}
