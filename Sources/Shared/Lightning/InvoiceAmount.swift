// The prefix of an invoice: the network, and the amount in the spelling of BOLT 11.
// It must never round: an amount that is no whole number of millisatoshis is refused.

/// Network and amount, as the human-readable part gives them.
struct InvoiceAmount: Hashable, Sendable {
    let network: Invoice.Network
    /// Millisatoshis; nil when none is named.
    let amount: UInt64?

    init(prefix: String) throws(InvoiceError) {
        let text = prefix.utf8
        // The name of the network ends where the digits of the amount begin.
        let end = text.firstIndex { (0x30...0x39).contains($0) } ?? text.endIndex
        guard prefix.hasPrefix("ln"),
            let network = Invoice.Network(rawValue: String(prefix[..<end].dropFirst(2)))
        else { throw .unknownNetwork(prefix) }
        self.network = network
        amount = end == text.endIndex ? nil : try Self.millisatoshis(String(prefix[end...]))
    }

    private static func millisatoshis(_ text: String) throws(InvoiceError) -> UInt64 {
        var digits = text[...]
        // Millisatoshis in one unit: a bitcoin has 10^11.
        var unit: UInt64 = 100_000_000_000
        switch text.last {
        case "m": unit = 100_000_000
        case "u": unit = 100_000
        case "n": unit = 100
        case "p": unit = 0
        default: break
        }
        if text.last?.isLetter == true { digits = digits.dropLast() }
        guard text.last?.isLetter != true || "munp".contains(text.suffix(1)),
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != "0",
            let number = UInt64(digits)
        else { throw .badAmount(text) }
        if unit == 0 {
            guard number.isMultiple(of: 10) else { throw .belowMillisatoshi(text) }
            return number / 10
        }
        let (amount, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow else { throw .badAmount(text) }
        return amount
    }
}
