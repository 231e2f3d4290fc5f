// Proves that a document has one spelling: every other spelling of the same value is refused, with its place.

import NodeModel
import Testing

@Suite struct CanonicalJSONTests {
    struct Document: Codable, Hashable {
        var b: Int64
        var a: String
        var list: [Bool]
        var none: String?
    }

    @Test func keysAreSortedAndNothingIsAdded() throws {
        let document = Document(b: -7, a: "x/\"\\\u{01}\n€", list: [true, false], none: nil)
        let bytes = try CanonicalJSON.encode(document)
        #expect(
            String(decoding: bytes, as: UTF8.self) == #"{"a":"x/\"\\\u0001\n€","b":-7,"list":[true,false]}"#)
        #expect(try CanonicalJSON.decode(Document.self, from: bytes) == document)
    }

    @Test func keysSortByUTF16AsRFC8785Asks() throws {
        // The RFC's own example of section 3.2.3: the surrogate pair sorts before U+FB33.
        let text = "{\"\\r\":1,\"1\":2,\"\u{80}\":3,\"ö\":4,\"€\":5,\"\u{1F600}\":6,\"\u{FB33}\":7}"
        try CanonicalJSON.check(Array(text.utf8))
        let wrong = "{\"\u{FB33}\":7,\"\u{1F600}\":6}"
        #expect(throws: CanonicalJSONError.self) { try CanonicalJSON.check(Array(wrong.utf8)) }
    }

    @Test(arguments: [
        " {}", "{} ", "{\"a\": 1}", "[1,]", "[1 ,2]", "{\"b\":1,\"a\":2}", "{\"a\":1,\"a\":1}", "1.0", "1e3",
        "-0", "01",
        "+1", "9007199254740992", "-9007199254740992", "\"\\/\"", "\"\\u0041\"", "\"\\u001F\"", "\"\\u000a\"",
        "\"\u{01}\"", "\"a", "nul", "", "{\"a\"}", "[", "]", "{\"a\":1}x", "\"\\ud83d\\ude00\"", "NaN",
        "{}\n",
        "99999999999999999999",
    ])
    func otherSpellingsAreRefused(_ text: String) {
        #expect(throws: CanonicalJSONError.self) { try CanonicalJSON.check(Array(text.utf8)) }
    }

    @Test func invalidUTF8IsRefused() {
        #expect(throws: CanonicalJSONError.self) { try CanonicalJSON.check([0x22, 0xFF, 0x22]) }
    }

    @Test func fractionsAreRefusedWhenWriting() {
        #expect(throws: CanonicalJSONError.self) { try CanonicalJSON.encode(["x": 1.5]) }
        #expect(throws: CanonicalJSONError.self) { try CanonicalJSON.encode(["x": Int64.max]) }
    }

    @Test func unknownAndMissingKeysAreRefused() {
        let unknown = #"{"a":"","b":1,"list":[],"more":1}"#
        #expect(throws: CanonicalJSONError.self) {
            try CanonicalJSON.decode(Document.self, from: unknown.utf8)
        }
        let null = #"{"a":"","b":1,"list":[],"none":null}"#
        #expect(throws: CanonicalJSONError.self) { try CanonicalJSON.decode(Document.self, from: null.utf8) }
        #expect(throws: CanonicalJSONError.self) { try CanonicalJSON.decode(Document.self, from: "{}".utf8) }
    }

    @Test func depthIsBounded() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: CanonicalJSONError.tooDeep(offset: 32)) { try CanonicalJSON.check(Array(deep.utf8)) }
    }
}
