// The encryption of before NIP-44 (NIP-04), which wallet services in use still ask for: AES-256-CBC, unauthenticated.
// It must never be used where the event that carries it is not signed and verified, nor where NIP-44 is understood.

import Crypto
import CryptoExtras
import FoundationEssentials
import NodeModel

enum NIP04 {
    /// The longest payload that is read, in characters.
    static let longestPayload = 131_072
    private static let mark = "?iv="

    /// Whether a payload is one of this NIP.
    static func isOne(_ payload: String) -> Bool { payload.contains(mark) }

    /// Encrypts text between two keys.
    static func encrypt(_ text: String, _ secret: SecretKey, with peer: PublicKey) throws(NIP44Error)
        -> String
    {
        let iv = AES._CBC.IV()
        do {
            let sealed = try AES._CBC.encrypt(Array(text.utf8), using: try key(secret, peer), iv: iv)
            return sealed.base64EncodedString() + mark + Data(Array(iv)).base64EncodedString()
        } catch let error as NIP44Error { throw error } catch { throw .plaintextLength(text.utf8.count) }
    }

    /// Decrypts a payload. Nothing about it is authentic but what the event's signature proves.
    static func decrypt(_ payload: String, _ secret: SecretKey, with peer: PublicKey) throws(NIP44Error)
        -> String
    {
        guard payload.utf8.count <= longestPayload, let place = payload.firstRange(of: mark) else {
            throw .payloadLength(payload.utf8.count)
        }
        guard let sealed = Data(base64Encoded: String(payload[..<place.lowerBound])),
            let nonce = Data(base64Encoded: String(payload[place.upperBound...]))
        else { throw .badBase64 }
        let key = try key(secret, peer)
        guard nonce.count == 16, !sealed.isEmpty, sealed.count.isMultiple(of: 16),
            let plain = try? AES._CBC.decrypt(sealed, using: key, iv: AES._CBC.IV(ivBytes: nonce))
        else { throw .badPadding }
        guard let text = String(validating: plain, as: UTF8.self) else { throw .notText }
        return text
    }

    /// The shared point's x coordinate itself, without a hash: as the NIP has it.
    private static func key(_ secret: SecretKey, _ peer: PublicKey) throws(NIP44Error) -> SymmetricKey {
        guard let x = secret.sharedX(with: peer) else { throw .badPublicKey }
        return SymmetricKey(data: x)
    }
}
