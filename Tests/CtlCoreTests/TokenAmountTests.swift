// Proves that amounts of tokens survive the way to people and back, and that nothing is rounded or guessed.

import Testing

@testable import CtlCore

@Suite struct TokenAmountTests {
    @Test(arguments: [
        ("1.5", 6, 1_500_000), ("0.000001", 6, 1), ("25", 6, 25_000_000), ("7", 0, 7), ("0", 6, 0),
        ("9223372036854.775807", 6, Int64.max),
    ])
    func whatIsWrittenIsWhatIsMeant(_ text: String, _ decimals: Int, _ units: Int64) {
        #expect(TokenAmount.units(text, decimals: decimals) == units)
        #expect(TokenAmount.text(units, decimals: decimals) == text)
    }

    @Test(arguments: [
        "", ".", "1.", ".5", "1,5", "-1", "+1", "1e3", "1.0000001", " 1", "١", "9223372036854.775808",
        "1.2.3",
    ])
    func whatIsNoAmountIsRefused(_ text: String) {
        #expect(TokenAmount.units(text, decimals: 6) == nil)
    }
}
