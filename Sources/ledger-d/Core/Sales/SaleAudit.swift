// The part of the audit that proves sales: each is what a stranger's authorization says, signed by him, and booked once.
// It must never take an amount or a payer on the row's word: both are read from what was signed.

import EVM
import FoundationEssentials
import GRDB
import NodeModel
import X402

extension Ledger {
    /// Every sale must be what its authorization says, signed by its payer, and booked once where it was carried.
    static func auditSales(_ db: Database, _ report: inout AuditReport) throws {
        for row in try Row.fetchAll(db, sql: "SELECT * FROM sale ORDER BY payment") {
            let id: String = row["payment"]
            do {
                guard let sale = try sale(id, db) else { continue }
                let (payment, exact) = try sale.terms.made()
                let authorization = exact.authorization
                let due = SaleTerms(
                    exact, payment.accepted, amount: sale.terms.amount,
                    chainID: UInt64(clamping: sale.terms.chain))
                guard due == sale.terms, sale.terms.id == id,
                    authorization.value == UInt256(UInt64(clamping: sale.terms.amount)),
                    sale.terms.payer == row["payer"], sale.terms.amount == row["amount"],
                    authorization.nonce.bytes == Array(row["nonce"] as Data),
                    sale.asset.rawValue == "\(sale.rail)/erc20:\(payment.accepted.asset.lowercase)"
                else { throw ChainFault(description: "it is not what its authorization says") }
                guard case .text(let name)? = payment.accepted.extra["name"],
                    case .text(let version)? = payment.accepted.extra["version"],
                    try authorization.isSigned(
                        by: exact.signature,
                        EIP712Domain(
                            name: name, version: version, chainID: UInt64(clamping: sale.terms.chain),
                            contract: payment.accepted.asset))
                else { throw ChainFault(description: "its authorization is not signed by its payer") }
                let booked = try Data.fetchOne(
                    db, sql: "SELECT payload FROM operation WHERE id = ?",
                    arguments: [Deed.operation("sold/\(sale.terms.sale)")])
                guard (booked != nil) == (sale.carrying != nil) else {
                    throw ChainFault(description: "what is booked is not what was carried")
                }
            } catch { report.fault("the sale '\(id)': \(error)") }
        }
    }
}
