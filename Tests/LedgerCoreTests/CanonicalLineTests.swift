// Proves that what is written fast is, byte for byte, what CanonicalJSON writes.

import NodeModel
import Testing

@testable import LedgerCore

@Suite struct CanonicalLineTests {
    private static let texts = [
        "", "wallet", "spend:ab", "a\"b", "a\\b", "tab\tnew\nline\u{01}", "é漢字🙂", "/", "\u{7F}", "deed/x",
    ]

    @Test func entriesAndDeedsAreWrittenAsCanonicalJSONWritesThem() throws {
        var random = SeededRandom(state: .random(in: 0...UInt64.max))
        print("seed \(random.state)")
        func text() -> String { Self.texts.randomElement(using: &random) ?? "" }
        func number() -> Int64 {
            let largest = Int64(1) << 53 - 1
            return [0, 1, -1, largest, -largest, .random(in: -largest...largest, using: &random)]
                .randomElement(
                    using: &random) ?? 0
        }
        for _ in 0..<2_000 {
            let entry = ChainEntry(
                sequence: number(), operation: text(), kind: text(), job: text(), at: number(), asset: text(),
                receipt: text(), acceptance: text(), payload: Bool.random(using: &random) ? text() : nil,
                postings: (0..<Int.random(in: 0...3, using: &random)).map { _ in
                    ChainEntry.Posting(account: text(), amount: number())
                }, previous: text())
            #expect(try entry.canonical() == CanonicalJSON.encode(entry))
            let (asset, party) = (Asset(rawValue: text()), text())
            for deed in [
                Deed.deposit(number(), asset, from: party), .reserve(number(), asset, for: party),
                .post(text(), number(), asset, to: party), .void(text(), asset),
                .withdraw(number(), asset, to: party),
            ] {
                #expect(try deed.canonical() == CanonicalJSON.encode(deed))
            }
        }
    }

    /// What canonical JSON cannot carry is refused here too.
    @Test(arguments: [Int64(1) << 53, -(Int64(1) << 53), .max, .min])
    func numbersThatOthersWouldRoundAreRefused(_ number: Int64) {
        let deed = Deed.deposit(number, .testCredit, from: "a")
        #expect(throws: CanonicalJSONError.self) { try deed.canonical() }
        #expect(throws: CanonicalJSONError.self) { try CanonicalJSON.encode(deed) }
    }
}
