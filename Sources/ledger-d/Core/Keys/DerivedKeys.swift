// Keys for payments, derived from the node's key: whoever restores the node's key has them all again.
// It must never be changed for a label that is in use: money may lie under the key that it gave.

import Crypto
import Nostr

/// What a derived key is for. The texts are part of the derivation (docs/protocol/keys.md).
enum KeyPurpose: Hashable, Sendable {
    /// The account with this number on EVM chains; the same on all of them.
    case evm(UInt32)

    var label: String {
        switch self {
        case .evm(let account): "evm/\(account)"
        }
    }
}

extension SecretKey {
    /// The key for a purpose: HKDF-SHA256 of this key, with another counter while the result is no key.
    func derived(_ purpose: KeyPurpose) -> SecretKey {
        let salt = Array("infernet/keys/1".utf8)
        var counter: UInt8 = 0
        while true {
            let info = Array("\(purpose.label)/\(counter)".utf8)
            let bytes = withBytes { secret in
                HKDF<SHA256>.deriveKey(
                    inputKeyMaterial: SymmetricKey(data: secret), salt: salt, info: info, outputByteCount: 32)
            }.withUnsafeBytes { Array($0) }
            // All but one in 2^127 results are keys.
            if let key = SecretKey(bytes: bytes) { return key }
            counter &+= 1
        }
    }
}
