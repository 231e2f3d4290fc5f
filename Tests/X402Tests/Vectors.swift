// The vectors that vectors/make.py wrote with the official SDK, as this module's own values.
// It must never compute what is expected.

import EVM
import FoundationEssentials
import NodeModel
import Testing

@testable import X402

struct Vectors: Decodable {
    struct Channel: Decodable {
        struct Config: Decodable {
            let payer, payerAuthorizer, receiver, receiverAuthorizer, token, salt: String
            let withdrawDelay: Int64

            func made() throws -> ChannelConfig {
                ChannelConfig(
                    payer: try EVMAddress(payer), payerAuthorizer: try EVMAddress(payerAuthorizer),
                    receiver: try EVMAddress(receiver),
                    receiverAuthorizer: try EVMAddress(receiverAuthorizer),
                    token: try EVMAddress(token), withdrawDelay: withdrawDelay, salt: try word(salt))
            }
        }
        struct Signed: Decodable {
            let channelId, maxClaimableAmount, signature: String

            func made() throws -> SignedVoucher {
                SignedVoucher(
                    voucher: Voucher(
                        channel: try word(channelId),
                        ceiling: try #require(UInt256(decimal: maxClaimableAmount))),
                    signature: try #require(EVMSignature(bytes: try bytes(signature))))
            }
        }
        let chain: UInt64
        let config: Config
        let id, signer, depositNonce, claimDigest, refundDigest: String
        let vouchers: [Signed]
        let headers, calls: [String: String]
    }

    struct Exact: Decodable {
        let header: String
        let now: UInt64
    }

    struct Documents: Decodable {
        let required: String
        let settled: [String]
    }

    let payer: String
    let channels: [Channel]
    let exact: Exact
    let documents: Documents

    static func load() throws -> Vectors {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let path = folder.joined(separator: "/") + "/vectors/x402.json"
        return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

/// Bytes of hexadecimal, with or without `0x`.
func bytes(_ text: String) throws -> [UInt8] {
    try #require(Hex.decode((text.hasPrefix("0x") ? String(text.dropFirst(2)) : text).lowercased()))
}

func word(_ text: String) throws -> Digest { try #require(Digest(bytes: try bytes(text))) }
