// Buying at a shop by x402's `exact`: what is paid, what no shop gets, and what comes back; over a chain in memory.

import EVM
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import TestKit
import Testing
import Wire
import X402

@testable import LedgerChainChild
@testable import LedgerCore

/// A shop that asks for a price, keeps what it is given, and carries it to the chain or not.
private final class ModelShop: ShopCarrier {
    static let payee = ChainScript.payee
    let chain: ModelChain
    let carries: Bool
    let asked = NIOLockedValueBox<[PaymentRequirements]>([])
    let given = NIOLockedValueBox<[ExactPayment]>([])
    let isSilent = NIOLockedValueBox(false)

    init(_ chain: ModelChain, carries: Bool) {
        self.chain = chain
        self.carries = carries
        asked.withLockedValue { $0 = [Self.way()] }
    }

    static func way(_ amount: UInt64 = 1_500, _ change: (inout PaymentRequirements) -> Void = { _ in })
        -> PaymentRequirements
    {
        var way = PaymentRequirements(
            scheme: "exact", network: "eip155:137", asset: ModelChain.token.address, amount: UInt256(amount),
            payTo: payee, maxTimeoutSeconds: 120, extra: ["name": .text("USD Coin"), "version": .text("2")])
        change(&way)
        return way
    }

    func shop(_ request: WSInterface.Shop) async throws -> WSInterface.Shop.Reply {
        guard let header = request.payment else {
            let required = PaymentRequired(accepts: asked.withLockedValue { $0 }).header
            return .init(status: 402, body: "pay", required: required)
        }
        let payment = try PaymentPayload(header: header)
        let exact = try ExactPayment(payment.payload)
        let domain = EIP712Domain(
            name: "USD Coin", version: "2", chainID: 137, contract: payment.accepted.asset)
        #expect(exact.problem(payment.accepted, domain, now: exact.authorization.validBefore - 100) == nil)
        given.withLockedValue { $0.append(exact) }
        if isSilent.withLockedValue({ $0 }) { throw WireError(.unavailable, "nobody answers") }
        guard carries else { return .init(status: 500, body: "broken") }
        let signed = exact.authorization
        chain.change { state in
            guard state.used[signed.nonce.bytes] == nil else { return }
            state.height += 1
            state.used[signed.nonce.bytes] = state.height
            state.tokens[signed.from] = state.tokens[signed.from]?.subtracting(signed.value)
            state.tokens[signed.to] = (state.tokens[signed.to] ?? .zero).adding(signed.value)
            state.mined.append(
                .init(
                    hash: Keccak256.hash("shop \(state.height)".utf8), block: state.height, ok: true,
                    from: signed.from, to: signed.to, value: signed.value, nonce: signed.nonce.bytes))
        }
        return .init(status: 200, body: "answer")
    }
}

@Suite struct BuyTests {
    private struct Buyer {
        let nodes: ChannelFixture
        let shop: ModelShop
        let daemon: LedgerDaemon
        private let place: TemporaryDirectory

        init(carries: Bool = true) async throws {
            nodes = try ChannelFixture()
            place = try TemporaryDirectory()
            shop = ModelShop(nodes.chain, carries: carries)
            daemon = try ChannelFixture.open(place.path, nodes.chain, nodes.time, shopper: shop)
            await look(1)
            nodes.chain.deposit(10_000, to: daemon.rails[0].signer.address)
            await look(3)
            try #require(try await wallet == 10_000)
        }

        func look(_ times: Int) async {
            for _ in 0..<times {
                _ = await daemon.rails[0].pass()
                nodes.chain.mine()
                nodes.wait(5)
            }
        }

        var wallet: Int64 {
            get async throws { try await daemon.ledger.balance(of: Operation.wallet, DeedFixture.usdc) }
        }

        func buy(_ id: String, _ body: String = "{}", most: Int64 = 2_000) async throws
            -> LedgerInterface.Buy.Reply
        {
            try await daemon.buy(.init(id: id, shop: "shop", body: body, most: most))
        }
    }

    @Test func theSameIdIsTheSamePaymentHoweverOftenItIsAsked() async throws {
        let buyer = try await Buyer()
        // Nobody answers to the payment: it may have been heard.
        buyer.shop.isSilent.withLockedValue { $0 = true }
        await #expect(throws: WireError.self) { try await buyer.buy("one") }
        #expect(try await buyer.daemon.ledger.payment("one").state == .handed)
        buyer.shop.isSilent.withLockedValue { $0 = false }
        // Another price now is no reason to sign again.
        buyer.shop.asked.withLockedValue { $0 = [ModelShop.way(1_600)] }
        #expect(try await buyer.buy("one").body == "answer")
        #expect(try await buyer.buy("one").status == 200)
        let given = buyer.shop.given.withLockedValue { $0 }
        #expect(given.count == 3 && Set(given).count == 1)
        await #expect(throws: WireError.self) { try await buyer.buy("one", "[]") }
        await buyer.look(6)
        #expect(try await buyer.daemon.ledger.payment("one").state == .settled)
        #expect(try await buyer.wallet == 8_500)
        #expect(try await buyer.daemon.ledger.audit().faults == [])
    }

    @Test func whatNoShopCarriesComesBackWhenItHasRunOutAndNotBefore() async throws {
        let buyer = try await Buyer(carries: false)
        #expect(try await buyer.buy("one").status == 500)
        await buyer.look(3)
        #expect(try await buyer.wallet == 8_500)
        buyer.nodes.wait(EVMPaymentMachine.grace)
        await buyer.look(2)
        // 120 seconds and the grace for clocks are not over yet.
        #expect(try await buyer.daemon.ledger.payment("one").state == .handed)
        buyer.nodes.wait(200)
        await buyer.look(2)
        #expect(try await buyer.daemon.ledger.payment("one").state == .failed)
        #expect(try await buyer.wallet == 10_000)
        await #expect(throws: WireError.self) { try await buyer.buy("one") }
        #expect(buyer.shop.given.withLockedValue { $0.count } == 1)
        #expect(try await buyer.daemon.ledger.audit().faults == [])
    }

    @Test func nothingIsSignedForTermsThatAPersonDidNotAllow() async throws {
        let buyer = try await Buyer()
        let own = buyer.daemon.rails[0].signer.address
        let ways: [PaymentRequirements] = [
            ModelShop.way(2_001), ModelShop.way(0), ModelShop.way { $0.payTo = own },
            ModelShop.way { $0.payTo = .zero }, ModelShop.way { $0.asset = ModelShop.payee },
            ModelShop.way { $0.network = "eip155:1" }, ModelShop.way { $0.scheme = "upto" },
            ModelShop.way { $0.extra["name"] = .text("USDC.e") },
            ModelShop.way { $0.extra["assetTransferMethod"] = .text("permit2") },
            ModelShop.way { $0.extra["paymentFlow"] = .text("escrow") },
            ModelShop.way { $0.maxTimeoutSeconds = 1 },
        ]
        for (number, way) in ways.enumerated() {
            buyer.shop.asked.withLockedValue { $0 = [way] }
            await #expect(throws: WireError.self, "\(number)") {
                try await buyer.buy("way-\(number)", most: 5_000)
            }
        }
        #expect(buyer.shop.given.withLockedValue { $0.isEmpty })
        #expect(try await buyer.daemon.ledger.payments(limit: 20).isEmpty)
        #expect(try await buyer.wallet == 10_000)
        // Of several ways the one that is paid after the work comes first.
        buyer.shop.asked.withLockedValue {
            $0 = [ModelShop.way(1_700) { $0.extra["paymentFlow"] = .text("upfront") }, ModelShop.way()]
        }
        #expect(try await buyer.buy("best").payment?.amount == 1_500)
    }
}
