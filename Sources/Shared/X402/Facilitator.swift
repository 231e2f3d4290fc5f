// What a facilitator is asked: to carry a payment to the chain, as the payee's own words have it.
// It must never be believed by its answer alone: the chain says whether money moved.

/// The body of a facilitator's `POST /settle`.
public struct SettlementRequest: Hashable, Sendable {
    public var payment: PaymentPayload
    public var requirements: PaymentRequirements

    public init(payment: PaymentPayload, requirements: PaymentRequirements) {
        self.payment = payment
        self.requirements = requirements
    }

    /// The body.
    public var json: [UInt8] {
        X402Value.object([
            "x402Version": .version, "paymentPayload": payment.value,
            "paymentRequirements": requirements.value,
        ]).json
    }
}
