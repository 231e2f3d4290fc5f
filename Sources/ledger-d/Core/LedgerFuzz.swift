// The doors through which strangers' words enter ledger-d, for fuzzing: each must survive any input.
// It must never be called by the daemon.

import NodeModel

/// Entry points for fuzzers.
public enum LedgerFuzz {
    /// An answer of a Lightning backend, the first byte choosing to which question and with which status. A plain no is
    /// one of a status that says so, in words that can be shown.
    public static func backendAnswer(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first, let text = String(validating: bytes.dropFirst(), as: UTF8.self) else {
            return
        }
        let status = [200, 201, 400, 404, 500, 520][Int(first / 8) % 6]
        let hash = Digest(hashing: "fuzz")
        func check(_ claim: LightningClaim) {
            if case .held(let end?) = claim { precondition(end > 0, "a block that cannot be") }
            guard case .paid(let preimage, let fee) = claim else { return }
            precondition(preimage?.count ?? 32 == 32 && fee ?? 0 >= 0, "a preimage or fee that cannot be")
        }
        func plain(_ words: String) -> Bool { words.utf8.allSatisfy { (0x20...0x7E).contains($0) } }
        do throws(LightningTrouble) {
            switch first % 16 {
            case 0:
                let refusal = LNbitsAnswer.refusal(text, status: status)
                precondition(refusal.map(plain) ?? true, "a stranger's words reach a terminal")
                precondition(refusal == nil || status >= 400, "a payment that was taken is called refused")
            case 1: _ = try LNbitsAnswer.made(text, status: status)
            case 2: _ = try LNbitsAnswer.balance(text, status: status)
            case 3: check(try LNbitsAnswer.claim(text, status: status, of: hash, isIncoming: true))
            case 4:
                let said: CoreLightningAnswer.Said<CoreLightningAnswer.Pays>
                said = try CoreLightningAnswer.read(text, id: 1)
                precondition(said.refusal.map(plain) ?? true, "a stranger's words reach a terminal")
                check(try CoreLightningAnswer.claim(said.result(), of: hash))
            case 5:
                let said: CoreLightningAnswer.Said<CoreLightningAnswer.Invoices>
                said = try CoreLightningAnswer.read(text, id: 1)
                check(try CoreLightningAnswer.claim(said.result(), of: hash))
            case 6:
                let said: CoreLightningAnswer.Said<CoreLightningAnswer.Made>
                said = try CoreLightningAnswer.read(text, id: 1)
                _ = try said.result()
            case 8: check(try LNDAnswer.payment(text, status: status, of: hash))
            case 9: check(try LNDAnswer.invoice(text, status: status, of: hash))
            case 10:
                guard let word = try LNDAnswer.word(text, of: hash) else { return }
                if case .refused(let said) = word {
                    precondition(plain(said), "a stranger's words reach a terminal")
                }
                if case .claim(let claim) = word { check(claim) }
            case 11: _ = try LNDAnswer.made(text, status: status)
            case 12:
                let node = try LNDAnswer.node(text, status: status, network: "bitcoin")
                precondition(plain(node), "a stranger's words reach a terminal")
            case 7: try LNDAnswer.done(text, status: status)
            case 13: _ = try LNDAnswer.height(text, status: status)
            default: check(try LNbitsAnswer.claim(text, status: status, of: hash, isIncoming: false))
            }
        } catch {
            precondition(plain(error.description), "a stranger's words reach a terminal")
        }
    }

    /// An answer to a question of JSON-RPC, the first byte choosing to which; a refusal is one in words that can be shown.
    public static func chainAnswer(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first, let text = String(validating: bytes.dropFirst(), as: UTF8.self) else {
            return
        }
        do throws(ChainTrouble) {
            switch first % 5 {
            case 0: let _: ChainNumber? = try ChainClient.read(text, status: 200, id: 1, "fuzz")
            case 1: let _: ChainBytes? = try ChainClient.read(text, status: 200, id: 1, "fuzz")
            case 2: let _: ChainBlock? = try ChainClient.read(text, status: 200, id: 1, "fuzz")
            case 3: let _: ChainReceipt? = try ChainClient.read(text, status: 200, id: 1, "fuzz")
            default: let _: [ChainLog]? = try ChainClient.read(text, status: 200, id: 1, "fuzz")
            }
        } catch {
            if case .refused(let words) = error {
                precondition(
                    words.utf8.allSatisfy { (0x20...0x7E).contains($0) },
                    "a stranger's words reach a terminal")
            }
        }
    }
}
