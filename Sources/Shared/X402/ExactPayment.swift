// The scheme `exact` on EVM chains: one authorization of the token (EIP-3009), for exactly what is asked.
// It must never be called good by its form alone: `problem` compares it with what was asked for, and its signature.

public import EVM
import NodeModel

/// The payload of a payment by `exact`.
public struct ExactPayment: Hashable, Sendable {
    public static let scheme = "exact"
    /// Seconds that must be left of an authorization for it to reach a block.
    static let leastLeft: UInt64 = 6

    public var authorization: TransferAuthorization
    public var signature: EVMSignature

    public init(authorization: TransferAuthorization, signature: EVMSignature) {
        self.authorization = authorization
        self.signature = signature
    }

    public init(_ payload: X402Value) throws(X402Error) {
        let fields = try X402Fields(payload, "payload")
        let signed = try fields.object("authorization")
        authorization = TransferAuthorization(
            from: try signed.address("from"), to: try signed.address("to"),
            value: try signed.amount("value", bits: 256), validAfter: try signed.seconds("validAfter"),
            validBefore: try signed.seconds("validBefore"), nonce: try signed.word("nonce"))
        signature = try fields.signature("signature")
    }

    public var payload: X402Value {
        .object([
            "authorization": .object([
                "from": .address(authorization.from), "to": .address(authorization.to),
                "value": .amount(authorization.value),
                "validAfter": .text(String(authorization.validAfter)),
                "validBefore": .text(String(authorization.validBefore)), "nonce": .word(authorization.nonce),
            ]),
            "signature": .signature(signature),
        ])
    }

    /// Why it does not pay what was asked for; nil when it does, as far as can be told without the chain.
    ///
    /// - Parameters:
    ///   - domain: of the token, from the payee's own configuration.
    ///   - now: Unix seconds.
    public func problem(_ asked: PaymentRequirements, _ domain: EIP712Domain, now: UInt64) -> String? {
        if asked.scheme != Self.scheme { return "another scheme was asked for" }
        if asked.chainID != domain.chainID || asked.asset != domain.contract {
            return "another token was asked for"
        }
        if authorization.kind != .transfer { return "it is for the token's other function" }
        if authorization.to != asked.payTo { return "it pays somebody else" }
        if authorization.value != asked.amount { return "it pays another amount" }
        if authorization.validAfter > now { return "it is not valid yet" }
        if authorization.validBefore < now + Self.leastLeft { return "it runs out" }
        guard (try? authorization.isSigned(by: signature, domain)) == true else {
            return "its signature is not the payer's"
        }
        return nil
    }
}
