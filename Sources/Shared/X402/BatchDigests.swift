// What a payee's authorizer signs where somebody else carries its claims and refunds: typed data of the same contract.
// It must never be signed for claims that the book does not hold.

public import EVM
public import NodeModel

extension BatchSettlement {
    private static let entry = TypedStruct(
        "ClaimEntry",
        [
            .init("channelId", .atom(.fixedBytes(32))), .init("maxClaimableAmount", .atom(.uint(128))),
            .init("totalClaimed", .atom(.uint(128))),
        ])
    private static let batch = TypedStruct("ClaimBatch", [.init("claims", .array(.structure(entry)))])
    private static let back = TypedStruct(
        "Refund",
        [
            .init("channelId", .atom(.fixedBytes(32))), .init("nonce", .atom(.uint(256))),
            .init("amount", .atom(.uint(128))),
        ])

    /// The 32 bytes that let anybody carry these claims.
    public static func claimDigest(_ claims: [Claim], chainID: UInt64) throws(ABIError) -> [UInt8] {
        let entries = claims.map { claim in
            ABIValue.list([
                .bytes(claim.signed.voucher.channel.bytes), .uint(claim.signed.voucher.ceiling),
                .uint(claim.total),
            ])
        }
        return try domain(chainID).digest(batch, [.list(entries)])
    }

    /// The 32 bytes that let anybody carry this refund.
    public static func refundDigest(
        channel: Digest, nonce: UInt256, amount: UInt256, chainID: UInt64
    ) throws(ABIError) -> [UInt8] {
        try domain(chainID).digest(back, [.bytes(channel.bytes), .uint(nonce), .uint(amount)])
    }
}
