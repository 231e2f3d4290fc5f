// The door through which a chain's words enter ledger-d, for fuzzing: each must survive any input.
// It must never be called by the daemon.

/// Entry points for fuzzers.
public enum LedgerFuzz {
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
