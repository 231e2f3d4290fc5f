// How a payment on a chain is signed and handed over: stored before it leaves, and offered again as it was stored.
// It must never hand bytes to the carrier that are not on disk.

import EVM
import NodeModel

extension EVMRail {
    func sign(
        _ payment: OutgoingPayment, _ errand: any EVMErrand, _ token: EVMToken, nonce: UInt64,
        tip: UInt64, fee: UInt64, at now: Int64
    ) async throws {
        var (tip, fee) = (tip, fee)
        let data = try errand.call(signer, token)
        var raw = try raw(errand, data, nonce, tip, fee)
        // An earlier try of the same errand may have left as these very bytes, in the same place of the lane: a letter is one
        // payment's, and this one is offered in its stead.
        while try await ledger.knows(letter: EVMTransaction.hash(raw: raw)) {
            (tip, fee) = (tip + tip / 8 + 1, min(chain.highestFee, fee + fee / 8 + 1))
            raw = try self.raw(errand, data, nonce, tip, fee)
        }
        let letter = Letter(
            number: payment.letters.count + 1, at: now, lane: signer.address.lowercase, place: nonce,
            hash: EVMTransaction.hash(raw: raw), raw: raw)
        try await ledger.sign(
            letter, for: payment.id, reason: "with nonce \(nonce), at most \(fee) wei for gas")
        try await hand(letter, of: payment, at: now)
    }

    private func raw(
        _ errand: any EVMErrand, _ data: [UInt8], _ nonce: UInt64, _ tip: UInt64, _ fee: UInt64
    ) throws -> [UInt8] {
        guard tip <= fee,
            let transaction = FeeMarketTransaction(
                chainID: chain.id, nonce: nonce, maxPriorityFee: UInt256(tip), maxFee: UInt256(fee),
                gasLimit: chain.gasLimit * errand.gasShare, to: try errand.contract(), data: data)
        else { throw ChainTrouble.contradiction("the chain's fees make no transaction") }
        return try signer.sign(.feeMarket(transaction))
    }

    /// Written down first: after a crash nobody can say whether it left.
    func hand(_ letter: Letter, of payment: OutgoingPayment, at now: Int64) async throws {
        if !letter.wasHanded {
            try await ledger.move(
                payment.id, to: .handed, "given to the chain with nonce \(letter.place)", at: now,
                letter: letter.number)
        }
        offered[letter.hash] = now
        ledger.commits.reach?(.sending)
        awaited[payment.id] = "a block that has it"
        try await client.send(letter)
        ledger.commits.reach?(.sent)
    }

    static func fees(_ letter: Letter) -> (tip: UInt64, fee: UInt64)? {
        guard case .feeMarket(let transaction)? = try? SignedEVMTransaction(raw: letter.raw).transaction,
            let tip = transaction.maxPriorityFee.exactUInt64, let fee = transaction.maxFee.exactUInt64
        else { return nil }
        return (tip, fee)
    }
}
