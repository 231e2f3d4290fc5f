// What a payee asks for: scheme, network, token, amount, account. The document that comes with status 402.
// It must never hold a price in anything but an asset's smallest unit.

public import EVM
import NodeModel

/// One way to pay.
public struct PaymentRequirements: X402Document {
    public var scheme: String
    /// CAIP-2.
    public var network: String
    public var asset: EVMAddress
    /// The most that this request costs.
    public var amount: UInt256
    public var payTo: EVMAddress
    public var maxTimeoutSeconds: Int64
    /// What the scheme needs besides; kept as it came, since payees compare it.
    public var extra: [String: X402Value]

    public init(
        scheme: String, network: String, asset: EVMAddress, amount: UInt256, payTo: EVMAddress,
        maxTimeoutSeconds: Int64, extra: [String: X402Value]
    ) {
        self.scheme = scheme
        self.network = network
        self.asset = asset
        self.amount = amount
        self.payTo = payTo
        self.maxTimeoutSeconds = maxTimeoutSeconds
        self.extra = extra
    }

    public init(_ value: X402Value) throws(X402Error) { try self.init(X402Fields(value, "")) }

    init(_ fields: X402Fields) throws(X402Error) {
        scheme = try fields.text("scheme", upTo: 64)
        network = try fields.text("network", upTo: 64)
        asset = try fields.address("asset")
        amount = try fields.amount("amount", bits: 256)
        payTo = try fields.address("payTo")
        maxTimeoutSeconds = try fields.integer("maxTimeoutSeconds", 0...31_536_000)
        extra = fields.has("extra") ? try fields.object("extra").members : [:]
    }

    public var value: X402Value {
        .object([
            "scheme": .text(scheme), "network": .text(network), "asset": .address(asset),
            "amount": .amount(amount), "payTo": .address(payTo),
            "maxTimeoutSeconds": .number(maxTimeoutSeconds), "extra": .object(extra),
        ])
    }

    /// The number of the EVM chain; nil for another kind of network.
    public var chainID: UInt64? {
        guard network.hasPrefix("eip155:") else { return nil }
        return UInt256(decimal: network.dropFirst(7))?.exactUInt64
    }
}

/// What is paid for.
public struct PaidResource: Hashable, Sendable {
    public var url: String
    public var summary: String?
    public var mimeType: String?

    public init(url: String, summary: String? = nil, mimeType: String? = nil) {
        self.url = url
        self.summary = summary
        self.mimeType = mimeType
    }

    init(_ fields: X402Fields) throws(X402Error) {
        url = try fields.text("url")
        summary = try fields.optionalText("description")
        mimeType = try fields.optionalText("mimeType")
    }

    var value: X402Value {
        var members: [String: X402Value] = ["url": .text(url)]
        members["description"] = summary.map { .text($0) }
        members["mimeType"] = mimeType.map { .text($0) }
        return .object(members)
    }
}

/// The `PAYMENT-REQUIRED` header.
public struct PaymentRequired: X402Document {
    /// Why the payment that came, if any, was not taken.
    public var error: String?
    public var resource: PaidResource?
    public var accepts: [PaymentRequirements]

    /// The most ways that are read.
    static let mostWays = 32

    public init(error: String? = nil, resource: PaidResource? = nil, accepts: [PaymentRequirements]) {
        self.error = error
        self.resource = resource
        self.accepts = accepts
    }

    /// Ways on networks and with assets that are not of an EVM chain are left out.
    public init(_ value: X402Value) throws(X402Error) {
        let fields = try X402Fields(value, "")
        try X402Value.checkVersion(fields)
        error = try fields.optionalText("error")
        resource = fields.has("resource") ? try PaidResource(fields.object("resource")) : nil
        guard case .list(let ways) = try fields.required("accepts"), ways.count <= Self.mostWays else {
            throw .field("accepts", "must be a list of at most \(Self.mostWays) ways to pay")
        }
        accepts = []
        for (index, way) in ways.enumerated() {
            let fields = try X402Fields(way, "accepts[\(index)]")
            guard try fields.text("network", upTo: 64).hasPrefix("eip155:") else { continue }
            accepts.append(try PaymentRequirements(fields))
        }
    }

    public var value: X402Value {
        var members: [String: X402Value] = [
            "x402Version": .version, "accepts": .list(accepts.map(\.value)),
        ]
        members["error"] = error.map { .text($0) }
        members["resource"] = resource?.value
        return .object(members)
    }
}
