// Proves channels, vouchers, deposits and the contract's calls against the official SDK.

public import EVM
import NodeModel
import Testing

@testable import X402

@Suite struct BatchSettlementTests {
    @Test func channelsHaveTheIdsThatTheSDKGivesThem() throws {
        let vectors = try Vectors.load()
        #expect(vectors.channels.count == 6)
        for channel in vectors.channels {
            let config = try channel.config.made()
            #expect(try config.id(chainID: channel.chain) == word(channel.id))
            #expect(try config.id(chainID: channel.chain + 1) != word(channel.id))
            #expect(try ChannelConfig(config.value) == config)
        }
    }

    @Test func vouchersAreOfThePayersAuthorizerAndOfNobodyElse() throws {
        for channel in try Vectors.load().channels {
            let config = try channel.config.made()
            for signed in try channel.vouchers.map({ try $0.made() }) {
                let good = config.payerAuthorizer != .zero
                #expect(signed.isSigned(for: config, chainID: channel.chain) == good)
                if good {
                    let digest = try signed.voucher.digest(chainID: channel.chain)
                    #expect(try signed.signature.signer(of: digest) == EVMAddress(channel.signer))
                }
                // One more, another chain, or another channel: the signature is worth nothing.
                var higher = signed
                higher.voucher.ceiling = signed.voucher.ceiling.adding(UInt256(1)) ?? .zero
                #expect(!higher.isSigned(for: config, chainID: channel.chain))
                #expect(!signed.isSigned(for: config, chainID: channel.chain + 1))
                var other = config
                other.withdrawDelay += 1
                #expect(!signed.isSigned(for: other, chainID: channel.chain))
            }
        }
    }

    @Test func paymentsReadAsTheSDKWroteThem() throws {
        for channel in try Vectors.load().channels {
            let config = try channel.config.made()
            let voucher = try channel.vouchers[1].made()
            for (name, header) in channel.headers {
                let payload = try PaymentPayload(header: header)
                #expect(payload.accepted.chainID == channel.chain)
                #expect(payload.accepted.amount == UInt256(1500))
                #expect(payload.resource?.summary == "a \"word\" – é")
                let batch = try BatchPayment(payload.payload)
                #expect(batch.config == config && batch.signed == voucher)
                #expect((batch.problem(payload.accepted) == nil) == (config.payerAuthorizer != .zero))
                #expect(try PaymentPayload(header: payload.header) == payload)
                #expect(try BatchPayment(batch.payload) == batch)
                switch batch.purpose {
                case .deposit(let deposit):
                    #expect(name == "deposit")
                    try check(deposit, config, channel)
                case .voucher: #expect(name == "voucher")
                case .refund(let amount): #expect(name == "refund" && amount == UInt256(700))
                }
            }
        }
    }

    private func check(_ deposit: ChannelDeposit, _ config: ChannelConfig, _ channel: Vectors.Channel) throws
    {
        let authorization = try ChannelDeposit.authorization(
            config, channel: try word(channel.id), amount: deposit.amount, validBefore: deposit.validBefore,
            salt: deposit.salt)
        #expect(try authorization.nonce == word(channel.depositNonce))
        let domain = EIP712Domain(
            name: channel.chain == 137 ? "USD Coin" : "USDC", version: "2", chainID: channel.chain,
            contract: config.token)
        #expect(try authorization.isSigned(by: deposit.signature, domain))
        #expect(
            try BatchSettlement.depositCall(config, deposit)
                == bytes(try #require(channel.calls["deposit"])))
    }

    @Test func callsAreTheOnesThatTheSDKWouldMake() throws {
        for channel in try Vectors.load().channels {
            let config = try channel.config.made()
            let totals: [UInt256] = [
                1, 700, 5, UInt256(bytes: [0x80] + [UInt8](repeating: 0, count: 15)) ?? .zero,
            ]
            let claims = try zip(channel.vouchers, totals).map { signed, total in
                BatchSettlement.Claim(config: config, signed: try signed.made(), total: total)
            }
            func due(_ name: String) throws -> [UInt8] { try bytes(try #require(channel.calls[name])) }
            let id: [ABIValue] = [.bytes(try word(channel.id).bytes)]
            let most = try #require(UInt256(decimal: "340282366920938463463374607431768211455"))
            #expect(
                try BatchSettlement.claimCall(claims, receiver: config.receiver, token: config.token)
                    == due("claim"))
            #expect(try BatchSettlement.refundCall(config, 700) == due("refund"))
            #expect(try BatchSettlement.initiateWithdrawCall(config, most) == due("initiateWithdraw"))
            #expect(try BatchSettlement.finalizeWithdrawCall(config) == due("finalizeWithdraw"))
            #expect(try BatchSettlement.channels.call(id) == due("channels"))
            #expect(try BatchSettlement.pendingWithdrawals.call(id) == due("pendingWithdrawals"))
            #expect(
                try BatchSettlement.claimDigest(claims, chainID: channel.chain) == bytes(channel.claimDigest))
            #expect(
                try BatchSettlement.refundDigest(
                    channel: try word(channel.id), nonce: 3, amount: 700, chainID: channel.chain)
                    == bytes(channel.refundDigest))
        }
    }

    @Test func aPaymentForOtherTermsIsRefused() throws {
        let channel = try #require(try Vectors.load().channels.first)
        let payload = try PaymentPayload(header: try #require(channel.headers["voucher"]))
        let batch = try BatchPayment(payload.payload)
        let stranger = try EVMAddress("0x7e5f4552091a69125d5dfcb7b8c2659029395bdf")
        let changes: [(inout PaymentRequirements) -> Void] = [
            { $0.scheme = "exact" }, { $0.network = "solana:mainnet" }, { $0.network = "eip155:1" },
            { $0.asset = stranger }, { $0.payTo = stranger },
            { $0.extra["receiverAuthorizer"] = .address(stranger) }, { $0.extra["receiverAuthorizer"] = nil },
            { $0.extra["withdrawDelay"] = .number(901) },
        ]
        #expect(batch.problem(payload.accepted) == nil)
        for change in changes {
            var asked = payload.accepted
            change(&asked)
            #expect(batch.problem(asked) != nil)
        }
    }
}

extension UInt256: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: UInt64) { self.init(value) }
}
