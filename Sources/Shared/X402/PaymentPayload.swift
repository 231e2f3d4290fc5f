// What a payer sends: the way it has chosen, and what the scheme signs. And what a payee answers.
// It must never be taken for a payment before its scheme has checked the signatures.

public import EVM
import NodeModel

/// The `PAYMENT-SIGNATURE` header.
public struct PaymentPayload: X402Document {
    public var accepted: PaymentRequirements
    /// The scheme's own part.
    public var payload: X402Value
    public var resource: PaidResource?

    public init(accepted: PaymentRequirements, payload: X402Value, resource: PaidResource? = nil) {
        self.accepted = accepted
        self.payload = payload
        self.resource = resource
    }

    public init(_ value: X402Value) throws(X402Error) {
        let fields = try X402Fields(value, "")
        try X402Value.checkVersion(fields)
        accepted = try PaymentRequirements(fields.object("accepted"))
        payload = .object(try fields.object("payload").members)
        resource = fields.has("resource") ? try PaidResource(fields.object("resource")) : nil
    }

    public var value: X402Value {
        var members: [String: X402Value] = [
            "x402Version": .version, "accepted": accepted.value, "payload": payload,
        ]
        members["resource"] = resource?.value
        return .object(members)
    }
}

/// The `PAYMENT-RESPONSE` header.
public struct SettlementResponse: X402Document {
    public var success: Bool
    public var errorReason: String?
    public var errorMessage: String?
    public var payer: EVMAddress?
    /// The transaction's hash; empty where none was needed.
    public var transaction: String
    public var network: String
    public var amount: UInt256?
    public var extra: [String: X402Value]

    public init(
        success: Bool, errorReason: String? = nil, errorMessage: String? = nil, payer: EVMAddress? = nil,
        transaction: String = "", network: String, amount: UInt256? = nil, extra: [String: X402Value] = [:]
    ) {
        self.success = success
        self.errorReason = errorReason
        self.errorMessage = errorMessage
        self.payer = payer
        self.transaction = transaction
        self.network = network
        self.amount = amount
        self.extra = extra
    }

    public init(_ value: X402Value) throws(X402Error) {
        let fields = try X402Fields(value, "")
        success = try fields.flag("success")
        errorReason = try fields.optionalText("errorReason")
        errorMessage = try fields.optionalText("errorMessage")
        payer = fields.has("payer") ? try fields.address("payer") : nil
        transaction = try fields.text("transaction", upTo: 66)
        network = try fields.text("network", upTo: 64)
        amount = fields.has("amount") ? try fields.amount("amount", bits: 256) : nil
        extra = fields.has("extra") ? try fields.object("extra").members : [:]
    }

    public var value: X402Value {
        var members: [String: X402Value] = [
            "success": .flag(success), "transaction": .text(transaction), "network": .text(network),
        ]
        members["errorReason"] = errorReason.map { .text($0) }
        members["errorMessage"] = errorMessage.map { .text($0) }
        members["payer"] = payer.map { .address($0) }
        members["amount"] = amount.map { .amount($0) }
        if !extra.isEmpty { members["extra"] = .object(extra) }
        return .object(members)
    }
}
