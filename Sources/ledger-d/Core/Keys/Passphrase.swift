// From a person's passphrase to the key that a backup is encrypted with: scrypt, which costs whoever guesses as much.
// It must never take the memory that a stranger's text asks for without a limit.

import Crypto
import CryptoExtras
import FoundationEssentials
import Nostr
import Wire

/// Encrypts and opens the node's key under a passphrase (NIP-49).
enum Passphrase {
    /// 2^16 rounds of scrypt: 64 MiB, some hundred milliseconds.
    static let logN: UInt8 = 16
    /// Beyond 2^17 (128 MiB) ledger-d would exceed the memory that its service row gives it.
    static let costs: ClosedRange<UInt8> = 10...17
    /// Shorter ones are guessed.
    static let shortest = 8
    static let longest = 1024

    /// The key under a passphrase, which is in NFKC already (whoever read it from a person saw to that).
    static func seal(_ key: SecretKey, _ passphrase: String, handling: NIP49.Handling) throws(WireError)
        -> NIP49
    {
        guard (shortest...longest).contains(passphrase.utf8.count) else {
            throw WireError(
                .invalidParams, "The passphrase has \(passphrase.utf8.count) bytes.",
                fix: "Choose one of \(shortest) to \(longest) bytes.")
        }
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<NIP49.saltLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let derived = try derive(passphrase, salt: salt, logN: logN)
        guard let sealed = NIP49(key, handling: handling, logN: logN, salt: salt, derived: derived) else {
            throw WireError(.internalError, "The key could not be encrypted.")
        }
        return sealed
    }

    /// The key in an encrypted text.
    static func open(_ text: String, _ passphrase: String) throws(WireError) -> SecretKey {
        do {
            let read = try NIP49(text)
            return try read.open(try derive(passphrase, salt: read.salt, logN: read.logN))
        } catch let error as NIP49Error {
            throw WireError(
                error == .notAuthentic ? .verificationFailed : .invalidParams,
                "The backup does not open: \(error).", fix: "Look at the text and the passphrase again.")
        } catch let error as WireError {
            throw error
        } catch { throw WireError(.internalError, "The backup does not open.", cause: "\(error)") }
    }

    private static func derive(_ passphrase: String, salt: [UInt8], logN: UInt8) throws(WireError)
        -> SymmetricKey
    {
        guard costs.contains(logN) else {
            throw WireError(
                .invalidParams,
                "The backup was made at cost 2^\(logN); ledger-d has memory for 2^\(costs.lowerBound) to "
                    + "2^\(costs.upperBound).",
                fix: "Encrypt the key again at a cost in this range with another program.")
        }
        do {
            return try KDF.Scrypt.deriveKey(
                from: Array(passphrase.utf8), salt: salt, outputByteCount: 32, rounds: 1 << Int(logN),
                blockSize: 8, parallelism: 1)
        } catch { throw WireError(.internalError, "scrypt failed.", cause: "\(error)") }
    }
}
