// Proves EIP-55: its own examples, fifty more by eth-utils, and that a mistyped letter is found.

import NodeModel
import Testing

@testable import EVM

@Suite struct EVMAddressTests {
    /// The examples of EIP-55.
    static let official = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77",
    ]

    @Test func examplesComeBack() throws {
        for text in Self.official + (try Vectors.load().addresses) {
            #expect(try EVMAddress(text).checksummed == text)
            #expect(try EVMAddress(text.lowercased()).checksummed == text)
        }
    }

    @Test func everyWrongCaseIsFound() throws {
        let text = Self.official[0]
        for index in text.indices.dropFirst(2) where text[index].isLetter {
            var wrong = text
            let letter = text[index]
            wrong.replaceSubrange(
                index...index, with: letter.isUppercase ? letter.lowercased() : letter.uppercased())
            #expect(throws: EVMAddressError.badChecksum) { try EVMAddress(wrong) }
        }
        #expect(throws: EVMAddressError.badChecksum) { try EVMAddress("0x" + text.dropFirst(2).uppercased()) }
    }

    @Test(arguments: [
        "", "0x", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd", "0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xgaAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAé",
    ])
    func otherTextIsNone(_ text: String) {
        #expect(throws: EVMAddressError.malformed) { try EVMAddress(text) }
    }
}
