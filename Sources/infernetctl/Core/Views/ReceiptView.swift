// A receipt that holds, as lines for people and as a document for programs. Pure.
// It must never say more than what was proven.

import NodeModel
import Nostr

/// Renders verified receipts.
enum ReceiptView {
    /// A receipt whose every check passed.
    struct Report {
        var bundle: ReceiptBundle
        var body: ReceiptBody
        /// Bytes of the file.
        var bytes: Int
    }

    /// With `--json`.
    struct Document: Encodable {
        var valid = true
        var accepted: Bool
        var id: String
        /// The id of the quote that the job was taken on.
        var quote: String?
        var receipt: ReceiptBody

        init(_ report: Report) {
            accepted = report.bundle.acceptance != nil
            id = report.bundle.receipt.id
            quote = ReceiptBody.quote(of: report.bundle.receipt)?.hex
            receipt = report.body
        }
    }

    static func lines(_ report: Report, _ style: Style) -> [String] {
        let body = report.body
        let accepted = report.bundle.acceptance != nil
        var lines = [style.bold("receipt") + " of " + body.job.text, ""]
        var facts: [(String, String)] = [
            ("provider", body.provider.npub), ("client", body.client.npub),
            ("model", body.model), ("root", body.modelRoot.hex), ("image", body.image),
            ("request", "sha256 \(body.requestHash.hex)"), ("answer", "sha256 \(body.resultHash.hex)"),
            (
                "tokens",
                "\(body.usage.promptTokens) prompt, \(body.usage.completionTokens) answer (\(body.finish.rawValue))"
            ),
            ("price", price(body)),
            ("finished", Units.time(body.finishedAt.multipliedReportingOverflow(by: 1000).partialValue)),
        ]
        if let quote = ReceiptBody.quote(of: report.bundle.receipt) { facts.append(("quote", quote.hex)) }
        for (name, text) in facts {
            let padding = String(repeating: " ", count: max(0, 9 - name.count))
            lines.append(style.dim(name + padding) + "  " + TerminalText.clean(text))
        }
        lines.append("")
        var proven = [
            "every one of the \(report.bytes) bytes is in the one canonical form",
            "the receipt's id is the hash of its contents",
            "the provider's key signed it (BIP-340)",
            "the price is the unit price times the tokens",
        ]
        if accepted {
            proven.append("the client's key signed the acceptance of exactly this receipt")
        }
        lines += proven.map { style.green("✓") + " " + $0 }
        if !accepted { lines.append(style.yellow("·") + " the client's acceptance is not in this file") }
        return lines
    }

    private static func price(_ body: ReceiptBody) -> String {
        let unit = body.unitPrice
        return Units.amount(body.price, unit.asset)
            + " (\(body.usage.promptTokens) × \(unit.prompt) + \(body.usage.completionTokens) × \(unit.completion) micro)"
    }
}
