// Signs what pays on EVM chains: a transaction or a token authorization, built here from typed values.
// It must never sign 32 bytes that somebody else made: there is no such method.

import CSecp256k1
import EVM
import NodeModel
import Nostr
import X402

/// The account of one derived key.
struct PaymentSigner: Sendable {
    private let key: SecretKey
    let address: EVMAddress

    /// - Returns: nil when libsecp256k1 refuses the key, which it accepted before.
    init?(_ key: SecretKey) {
        self.key = key
        var point = secp256k1_pubkey()
        var bytes = [UInt8](repeating: 0, count: 65)
        var count = bytes.count
        let made = key.withBytes { secret -> Int32 in
            guard let secret = secret.bindMemory(to: UInt8.self).baseAddress else { return 0 }
            return secp256k1_ec_pubkey_create(Secp256k1Context.shared, &point, secret)
        }
        guard made == 1,
            secp256k1_ec_pubkey_serialize(
                Secp256k1Context.shared, &bytes, &count, &point, UInt32(SECP256K1_EC_UNCOMPRESSED)) == 1,
            let publicKey = ECDSAPublicKey(bytes: bytes)
        else { return nil }
        address = EVMAddress(publicKey)
    }

    /// The raw bytes of a signed transaction.
    func sign(_ transaction: EVMTransaction) throws(SigningError) -> [UInt8] {
        transaction.encoded(try signature(of: transaction.signingHash))
    }

    /// The payer's signature under an authorization.
    func sign(_ authorization: TransferAuthorization, _ domain: EIP712Domain) throws -> EVMSignature {
        guard authorization.from == address else { throw SigningError.failed }
        return try signature(of: try authorization.digest(domain))
    }

    /// The payer's signature under a voucher of its own channel.
    func sign(_ voucher: Voucher, of config: ChannelConfig, chainID: UInt64) throws -> EVMSignature {
        guard config.payerAuthorizer == address, try config.id(chainID: chainID) == voucher.channel else {
            throw SigningError.failed
        }
        return try signature(of: try voucher.digest(chainID: chainID))
    }

    /// The payee's signature under a refund of its own channel.
    func sign(
        refundOf config: ChannelConfig, _ channel: Digest, amount: Int64, nonce: Int64, chainID: UInt64
    ) throws -> EVMSignature {
        guard config.receiverAuthorizer == address, try config.id(chainID: chainID) == channel, amount > 0,
            nonce >= 0
        else { throw SigningError.failed }
        return try signature(
            of: try BatchSettlement.refundDigest(
                channel: channel, nonce: UInt256(UInt64(nonce)), amount: UInt256(UInt64(amount)),
                chainID: chainID))
    }

    /// RFC 6979: the same message has the same signature, so that signing again after a crash changes nothing.
    private func signature(of digest: [UInt8]) throws(SigningError) -> EVMSignature {
        var made = secp256k1_ecdsa_recoverable_signature()
        var compact = [UInt8](repeating: 0, count: 64)
        var recoveryID: Int32 = 0
        let done = key.withBytes { secret -> Int32 in
            guard let secret = secret.bindMemory(to: UInt8.self).baseAddress else { return 0 }
            return secp256k1_ecdsa_sign_recoverable(
                Secp256k1Context.shared, &made, digest, secret, nil, nil)
        }
        guard digest.count == 32, done == 1,
            secp256k1_ecdsa_recoverable_signature_serialize_compact(
                Secp256k1Context.shared, &compact, &recoveryID, &made) == 1,
            let recovery = UInt8(exactly: recoveryID),
            let recoverable = RecoverableSignature(compact: compact, recoveryID: recovery),
            let signature = EVMSignature(recoverable), signature.signer(of: digest) == address
        else { throw .failed }
        return signature
    }
}
