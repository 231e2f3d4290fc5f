// The doors of the payment formats: what chains, wallets and payees hand over.
// It must never hold keys of anyone: the modules' own entry points do all the work.

import EVM
import LedgerCore
import Lightning
import X402

let doors: [String: Door] = [
    "abi": { EVMFuzz.abi($0) },
    "backend-answer": { LedgerFuzz.backendAnswer($0) },
    "chain-answer": { LedgerFuzz.chainAnswer($0) },
    "invoice": { LightningFuzz.invoice($0) },
    "rlp": { EVMFuzz.rlp($0) },
    "transaction": { EVMFuzz.transaction($0) },
    "x402": { X402Fuzz.document($0) },
]
