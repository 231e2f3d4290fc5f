// What a Lightning payment is, fixed when it is asked for: the invoice, what its payee gets, what it may cost besides.
// It must never take amount or payee from anywhere but the invoice, as our own reader has it.

import Lightning
import NodeModel
import Wire

/// Why an invoice is not paid from here.
enum LightningRefusal: Error, Hashable, Sendable {
    case malformed(InvoiceError)
    case otherNetwork(String)
    case expired
    /// It leaves the amount to the payer, who named none.
    case amountMissing
    /// It names its amount, and the caller did too.
    case amountNamedTwice
    /// The backend pays no invoice that leaves the amount to the payer.
    case amountNotCarried
    case badAmount
    /// This node made it.
    case ownInvoice

    var wire: WireError {
        switch self {
        case .malformed(let error):
            WireError(.invalidParams, "'invoice': \(error).", fix: "Copy the invoice again.")
        case .otherNetwork(let network):
            WireError(
                .policyRefused, "The invoice is for \(network), which is not this node's network.",
                fix: "Ask the payee for another one, or see ledger.lightning.network.")
        case .expired:
            WireError(.policyRefused, "The invoice has run out.", fix: "Ask the payee for a new one.")
        case .amountMissing:
            WireError(.invalidParams, "The invoice names no amount.", fix: "Name one.")
        case .amountNamedTwice:
            WireError(.invalidParams, "The invoice names its own amount.", fix: "Leave the amount out.")
        case .amountNotCarried:
            WireError(
                .policyRefused, "This backend pays no invoice that leaves the amount to the payer.",
                fix: "Ask the payee for an invoice with an amount.")
        case .badAmount: WireError(.invalidParams, "The amount is not one that can be paid.")
        case .ownInvoice:
            WireError(.invalidParams, "This node made the invoice itself.", fix: "Pay another's.")
        }
    }
}

struct LightningTerms: Codable, Hashable, Sendable {
    /// Millisatoshis that the payee gets, and that the way there may cost at most.
    var amount: Int64
    var feeCeiling: Int64
    /// Whose account pays: no other backend is ever asked what became of it.
    var backend: String
    /// In lower case, without `lightning:`.
    var invoice: String
    /// Whose money it is, where it is not the wallet's: a client's credit, out of which it wants the invoice paid.
    var account: String?

    enum CodingKeys: String, CodingKey {
        case amount, backend, invoice, account
        case feeCeiling = "fee_ceiling"
    }

    /// Reads an invoice that somebody wants paid.
    ///
    /// - Parameters:
    ///   - amount: in millisatoshis, for an invoice that names none.
    ///   - now: Unix seconds.
    init(
        _ text: String, amount: Int64?, _ account: LightningAccount, paysAnyAmount: Bool, now: Int64
    ) throws(LightningRefusal) {
        let read: Invoice
        do { read = try Invoice(text) } catch { throw .malformed(error) }
        invoice = Self.bare(text)
        guard read.network == account.network else { throw .otherNetwork("\(read.network)") }
        guard !read.isExpired(now: UInt64(clamping: now)) else { throw .expired }
        switch (read.amount, amount) {
        case (nil, nil): throw .amountMissing
        case (.some, .some): throw .amountNamedTwice
        case (nil, .some) where !paysAnyAmount: throw .amountNotCarried
        case (nil, .some(let chosen)): self.amount = chosen
        case (.some(let named), nil): self.amount = Int64(clamping: named)
        }
        guard (1...Deed.largestAmount / 4).contains(self.amount) else { throw .badAmount }
        feeCeiling = account.feeCeiling(self.amount)
        backend = account.name
    }

    init(_ stored: [UInt8]) throws { self = try CanonicalJSON.decode(Self.self, from: stored) }

    /// The same, out of another account than the wallet.
    func paid(outOf account: String, feeCeiling: Int64) -> LightningTerms {
        var terms = self
        (terms.account, terms.feeCeiling) = (account, feeCeiling)
        return terms
    }

    /// What is set aside.
    var reserved: Int64 { amount + feeCeiling }

    func decoded() throws(InvoiceError) -> Invoice { try Invoice(invoice) }

    /// What the backend is told to pay, where the invoice leaves it open.
    func chosenAmount(_ invoice: Invoice) -> Int64? { invoice.amount == nil ? amount : nil }

    /// By what the ledger names a try at an invoice: the first has no number.
    static func id(_ hash: Digest, attempt: Int) -> String {
        "ln-\(hash.hex)" + (attempt == 1 ? "" : "-\(attempt)")
    }

    /// Who is paid, and for what.
    func payee(_ invoice: Invoice) -> String {
        "\(invoice.payee):\(invoice.paymentHash.hex)" + (account == nil ? "" : ":back")
    }

    static func bare(_ text: String) -> String {
        let (lower, scheme) = (text.lowercased(), "lightning:")
        return lower.hasPrefix(scheme) ? String(lower.dropFirst(scheme.count)) : lower
    }

    /// Refuses terms that are not those of this row: for the audit.
    func check(amount: Int64, party: String, rail: String) throws {
        let read = try decoded()
        guard reserved == amount, feeCeiling >= 0, self.amount > 0,
            read.amount.map({ $0 == UInt64(clamping: self.amount) }) ?? true, read.network.chain == rail,
            "\(rail):\(payee(read))" == party
        else { throw ChainFault(description: "its terms are of another payment") }
    }
}
