// Sales to strangers by x402's `exact`: what is asked, taken, carried, used up, and what is refused, over a chain in memory.

import EVM
import Interfaces
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import TestKit
import Testing
import Wire
import X402

@testable import LedgerChainChild
@testable import LedgerCore

/// A facilitator that carries, or says so, or neither.
private struct ModelFacilitator: Carrier {
    let chain: ModelChain
    let way: String

    func carry(_ endpoint: String, _ body: String) async throws -> (status: Int, body: String) {
        guard endpoint == CarryEndpoint.settling else { return try await chain.carry(endpoint, body) }
        if way == "silent" { throw WireError(.unavailable, "nobody answers") }
        guard case .object(let asked) = try X402Value(Array(body.utf8)),
            let document = asked["paymentPayload"]
        else { throw WireError(.invalidParams, "no payment") }
        let payment = try ExactPayment(try PaymentPayload(document).payload)
        var answer = SettlementResponse(
            success: way != "no", transaction: "0x" + Digest(hashing: "none").hex, network: "eip155:137")
        chain.change { state in
            if way == "another's", let other = state.mined.first {
                answer.transaction = "0x" + Hex.encode(other.hash)
            }
            guard way == "own" else { return }
            let signed = payment.authorization
            state.height += 1
            state.used[signed.nonce.bytes] = state.height
            state.tokens[signed.from] = state.tokens[signed.from]?.subtracting(signed.value)
            state.tokens[signed.to] = (state.tokens[signed.to] ?? .zero).adding(signed.value)
            let hash = Keccak256.hash("carried".utf8)
            state.mined.append(
                .init(
                    hash: hash, block: state.height, ok: true, from: signed.from, to: signed.to,
                    value: signed.value, nonce: signed.nonce.bytes))
            answer.transaction = "0x" + Hex.encode(hash)
        }
        return (200, String(decoding: answer.value.json, as: UTF8.self))
    }
}

@Suite struct SaleTests {
    /// The node that sells is the fixture's provider; the stranger has the client's account, with money on the chain.
    private struct Shop {
        let nodes: ChannelFixture
        let seller: LedgerDaemon
        let payer: PaymentSigner
        private let place = try? TemporaryDirectory()

        init(facilitator way: String? = nil) async throws {
            nodes = try ChannelFixture()
            if let way, let place {
                seller = try ChannelFixture.open(
                    place.path, nodes.chain, nodes.time,
                    facilitator: ModelFacilitator(chain: nodes.chain, way: way))
            } else {
                seller = nodes.provider
            }
            payer = nodes.client.rails[0].signer
            await look(1)
            nodes.chain.deposit(10_000, to: payer.address)
            await look(3)
        }

        /// The seller looks at the chain a few times, and blocks pass.
        func look(_ times: Int) async {
            for _ in 0..<times {
                _ = await seller.rails[0].pass()
                await nodes.look(1)
            }
        }

        func request(
            _ number: Int, payment: String? = nil, amount: Int64 = 1_280, upfront: Bool = false,
            request: String = "request"
        ) -> LedgerInterface.TakeSale {
            .init(
                job: ChainScript.job(number), asset: DeedFixture.usdc, amount: amount,
                resource: "https://node.example/v1/chat/completions", request: Digest(hashing: request),
                upfront: upfront, payment: payment)
        }

        /// What is asked for, as a stranger reads it.
        func required(_ request: LedgerInterface.TakeSale) async throws -> PaymentRequired {
            do { _ = try await seller.takeSale(request) } catch let error as WireError {
                #expect(error.code == .paymentRequired)
                return try PaymentRequired(header: error.cause ?? "")
            }
            throw WireError(.internalError, "nothing was asked for")
        }

        func payment(
            _ asked: PaymentRequirements, nonce: String = "nonce", by signer: PaymentSigner? = nil,
            _ change: (inout TransferAuthorization) -> Void = { _ in }
        ) throws -> String {
            let signer = signer ?? payer
            let token = seller.rails[0].chain.tokens[0]
            var authorization = TransferAuthorization(
                from: signer.address, to: asked.payTo, value: asked.amount,
                validBefore: UInt64(seller.now) + UInt64(asked.maxTimeoutSeconds),
                nonce: Digest(hashing: nonce))
            change(&authorization)
            let exact = ExactPayment(
                authorization: authorization, signature: try signer.sign(authorization, token.domain))
            return PaymentPayload(accepted: asked, payload: exact.payload).header
        }

        /// Settles while blocks come.
        func settle(_ number: Int) async throws -> SettlementResponse {
            let seller = seller
            let asking = Task { try await seller.settleSale(ChainScript.job(number)) }
            let looking = Task {
                while !Task.isCancelled {
                    await look(1)
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            let outcome = await asking.result
            looking.cancel()
            // A look that goes on beside the next one would make that return at once.
            _ = await looking.result
            let said = try outcome.get()
            let response = try SettlementResponse(header: said.response)
            #expect(response.success == said.settled)
            return response
        }

        var received: UInt256 { nodes.chain.change { $0.tokens[seller.rails[0].signer.address] ?? .zero } }
    }

    @Test func aStrangerIsToldThePricePaysAndIsServedOnce() async throws {
        let shop = try await Shop()
        let asked = try #require(try await shop.required(shop.request(1)).accepts.first)
        #expect(asked.scheme == "exact" && asked.amount == UInt256(1_280))
        #expect(asked.payTo == shop.seller.rails[0].signer.address && asked.extra["paymentFlow"] == nil)
        let payment = try shop.payment(asked)
        #expect(try await shop.seller.takeSale(shop.request(1, payment: payment)).repeated == false)
        // Before it is carried nothing is owed or booked, and nobody else can use it.
        #expect(try await shop.seller.ledger.payments(limit: 9).isEmpty)
        await #expect(throws: WireError.self) {
            try await shop.seller.takeSale(shop.request(2, payment: payment))
        }
        let response = try await shop.settle(1)
        #expect(
            response.success && response.payer == shop.payer.address && response.transaction.utf8.count == 66)
        #expect(shop.received == UInt256(1_280))
        _ = try await shop.seller.endSale(.init(job: ChainScript.job(1), delivered: true))
        let again = try await shop.required(shop.request(3, payment: payment))
        #expect(again.error?.contains("used before") == true)
        await shop.look(6)
        #expect(try await shop.seller.ledger.balance(of: Operation.wallet, DeedFixture.usdc) == 1_280)
        #expect(try await shop.seller.ledger.payments(limit: 9).map(\.state) == [.settled])
        // Again is the same, from the books alone.
        let later = try await shop.settle(1)
        #expect(later.success && later.transaction == response.transaction)
        #expect(try await shop.seller.ledger.audit().faults == [])
    }

    @Test func whatWasPaidForAndNotDeliveredIsGivenToTheSamePaymentThreeTimesAtMost() async throws {
        let shop = try await Shop()
        let asked = try #require(try await shop.required(shop.request(1, upfront: true)).accepts.first)
        #expect(asked.extra["paymentFlow"] == .text("upfront"))
        let payment = try shop.payment(asked)
        for turn in 1...3 {
            let request = shop.request(turn, payment: payment, upfront: true)
            #expect(try await shop.seller.takeSale(request).repeated == (turn > 1))
            #expect(try await shop.settle(turn).success)
            _ = try await shop.seller.endSale(.init(job: ChainScript.job(turn), delivered: false))
            // Long after it ran out: the money is here.
            shop.nodes.wait(10_000)
            // For another request it is worth nothing.
            let other = shop.request(9, payment: payment, upfront: true, request: "other")
            #expect(try await shop.required(other).error?.contains("something else") == true)
        }
        let fourth = shop.request(4, payment: payment, upfront: true)
        #expect(try await shop.required(fourth).error?.contains("used before") == true)
        #expect(shop.received == UInt256(1_280))
        #expect(try await shop.seller.ledger.audit().faults == [])
    }

    @Test func whatDoesNotPayWhatIsAskedIsRefused() async throws {
        let shop = try await Shop()
        let asked = try #require(try await shop.required(shop.request(1)).accepts.first)
        let stranger = try #require(ChainScript.key(21).flatMap { PaymentSigner($0) })
        func refusal(_ payment: String, upfront: Bool = false) async throws -> String {
            try await shop.required(shop.request(1, payment: payment, upfront: upfront)).error ?? ""
        }
        let own = shop.payer.address
        #expect(
            try await refusal(shop.payment(asked) { $0.value = UInt256(1_279) }).contains("another amount"))
        #expect(try await refusal(shop.payment(asked) { $0.to = own }).contains("somebody else"))
        #expect(try await refusal(shop.payment(asked) { $0.validBefore = 1_000 }).contains("runs out"))
        #expect(
            try await refusal(shop.payment(asked) { $0.validBefore = UInt64(shop.seller.now) + 800 })
                .contains("too soon"))
        #expect(try await refusal(shop.payment(asked) { $0.validAfter = .max }).contains("not valid yet"))
        #expect(try await refusal(shop.payment(asked, by: stranger)).contains("does not hold so much"))
        // For a stream other terms are accepted: these are not.
        #expect(try await refusal(shop.payment(asked), upfront: true).contains("not what is asked for"))
        // Forged: the payer named is not who signed.
        let payload = try PaymentPayload(header: shop.payment(asked, by: stranger))
        var exact = try ExactPayment(payload.payload)
        exact.authorization.from = own
        let forged = PaymentPayload(accepted: asked, payload: exact.payload).header
        #expect(try await refusal(forged).contains("not the payer's"))
        // One that the token has let pass already.
        let used = try shop.payment(asked)
        shop.nodes.chain.change { $0.used[Digest(hashing: "nonce").bytes] = 1 }
        #expect(try await refusal(used).contains("used before"))
        #expect(try await shop.seller.ledger.payments(limit: 9).isEmpty)
        // A chain that does not answer says nothing about the payment.
        shop.nodes.chain.change { $0.lie = { _, _ in nil } }
        let other = try shop.payment(asked, nonce: "other")
        let error = await #expect(throws: WireError.self) {
            try await shop.seller.takeSale(shop.request(1, payment: other))
        }
        #expect(error?.code == .unavailable)
    }

    @Test func aPayerWhoEmptiesHisAccountPaysNothingAndIsWrittenOff() async throws {
        let shop = try await Shop()
        let asked = try #require(try await shop.required(shop.request(1)).accepts.first)
        _ = try await shop.seller.takeSale(shop.request(1, payment: try shop.payment(asked)))
        shop.nodes.chain.change { $0.tokens[shop.payer.address] = .zero }
        let carried = try await shop.seller.ledger.carry(ChainScript.job(1), at: shop.seller.clock())
        #expect(carried.carrying?.state == .asked)
        await shop.look(2)
        shop.nodes.wait(3_000)
        await shop.look(2)
        #expect(try await shop.seller.ledger.payment(carried.terms.id).state == .failed)
        let answer = try await shop.settle(1)
        #expect(!answer.success && answer.transaction.isEmpty)
        await shop.look(1)
        let due = carried.terms.due("eip155:137")
        #expect(try await shop.seller.ledger.balance(of: due, DeedFixture.usdc) == 0)
        #expect(try await shop.seller.ledger.balance(of: Operation.wallet, DeedFixture.usdc) == 0)
        #expect(try await shop.seller.ledger.audit().faults == [])
    }

    @Test(arguments: ["own", "another's", "none", "silent", "no"])
    func whateverAFacilitatorSaysTheTokenMovesOnceAndTheStrangerIsServed(_ way: String) async throws {
        let shop = try await Shop(facilitator: way)
        let asked = try #require(try await shop.required(shop.request(1)).accepts.first)
        _ = try await shop.seller.takeSale(shop.request(1, payment: try shop.payment(asked)))
        #expect(try await shop.settle(1).success)
        #expect(shop.received == UInt256(1_280))
        await shop.look(6)
        #expect(try await shop.seller.ledger.payments(limit: 9).map(\.state) == [.settled])
        #expect(try await shop.seller.ledger.balance(of: Operation.wallet, DeedFixture.usdc) == 1_280)
        // This node has carried it where nobody else did.
        #expect(shop.nodes.chain.change { $0.arrived.isEmpty } == (way == "own"))
        #expect(try await shop.seller.ledger.audit().faults == [])
    }

    @Test func aFacilitatorThatNamesAnothersTransactionKeepsNobodyFromCarrying() async throws {
        let shop = try await Shop(facilitator: "another's")
        let asked = try #require(try await shop.required(shop.request(1)).accepts.first)
        _ = try await shop.seller.takeSale(shop.request(1, payment: try shop.payment(asked)))
        let id = try await shop.seller.ledger.carry(ChainScript.job(1), at: shop.seller.clock()).terms.id
        _ = await shop.seller.rails[0].pass()
        shop.nodes.wait(Facilitator.patience + 1)
        // This node's own transaction gets lost on the way once.
        shop.nodes.chain.change { $0.mines = false }
        _ = await shop.seller.rails[0].pass()
        #expect(try await shop.seller.ledger.payment(id).state == .handed)
        shop.nodes.chain.change { state in
            state.waiting = []
            state.mines = true
        }
        shop.nodes.wait(EVMPaymentMachine.patience + 5)
        await shop.look(6)
        #expect(try await shop.seller.ledger.payment(id).state == .settled)
        #expect(shop.received == UInt256(1_280))
    }

    @Test func aTurnThatDiedIsFreeAgainWhenAggregatorBeginsAnew() async throws {
        let shop = try await Shop()
        let asked = try #require(try await shop.required(shop.request(1)).accepts.first)
        let payment = try shop.payment(asked)
        var first = shop.request(1, payment: payment)
        first.process = Digest(hashing: "former")
        _ = try await shop.seller.takeSale(first)
        let (own, other, at) = (Digest(hashing: "former"), Digest(hashing: "now"), shop.seller.clock())
        // It is this process's own: nothing is touched.
        #expect(try await shop.seller.ledger.resume(process: own, keep: [], at: at) == 0)
        await #expect(throws: WireError.self) {
            try await shop.seller.takeSale(shop.request(2, payment: payment))
        }
        #expect(try await shop.seller.ledger.resume(process: other, keep: [], at: at) == 1)
        #expect(try await shop.seller.takeSale(shop.request(2, payment: payment)).repeated)
        // What is said late of a dead turn changes nothing.
        _ = try await shop.seller.endSale(.init(job: ChainScript.job(1), delivered: true))
        #expect(try await shop.settle(2).success)
    }

    @Test func eachSaleSaysHowFarItIsAndWhatComesNext() async throws {
        let shop = try await Shop()
        let asked = try #require(try await shop.required(shop.request(1)).accepts.first)
        let payment = try shop.payment(asked)
        func shown() async throws -> LedgerInterface.Sale {
            try #require(try await shop.seller.sales(limit: 10).sales.first)
        }
        func day() async throws -> LedgerInterface.Earnings.Day? {
            let reply = try await shop.seller.earnings(.init(days: 30, jobs: 5))
            #expect(reply.sales == (try await shop.seller.sales(limit: 5).sales) && reply.jobs == [])
            return reply.days.first
        }
        #expect(try await shop.seller.sales(limit: 10).sales.isEmpty)
        var request = shop.request(1, payment: payment)
        request.model = "smollm2"
        _ = try await shop.seller.takeSale(request)
        var sale = try await shown()
        #expect(sale.state == .taken && !sale.delivered && sale.model == "smollm2" && sale.amount == 1_280)
        #expect(sale.buyer == shop.payer.address.checksummed && sale.transaction == nil)
        #expect(sale.next?.contains("the answer") == true)
        // Nothing is owed before the answer is there to be paid.
        #expect(try await day() == nil)
        _ = try await shop.seller.endSale(.init(job: ChainScript.job(1), delivered: false))
        #expect(try await shown().next?.contains("ask again") == true)
        _ = try await shop.seller.takeSale(shop.request(2, payment: payment))
        _ = try await shop.seller.ledger.carry(ChainScript.job(2), at: shop.seller.clock())
        shop.nodes.chain.change { $0.mines = false }
        _ = await shop.seller.rails[0].pass()
        let usage = Usage(promptTokens: 30, completionTokens: 12)
        _ = try await shop.seller.endSale(.init(job: ChainScript.job(2), delivered: true, usage: usage))
        sale = try await shown()
        #expect(sale.state == .carried && sale.delivered && sale.next == "a block that has it")
        #expect(sale.job == ChainScript.job(2) && sale.promptTokens == 30 && sale.completionTokens == 12)
        #expect(sale.transaction?.count == 66)
        let today = shop.seller.clock() / 86_400_000
        let due = LedgerInterface.Earnings.Day(
            day: today, asset: DeedFixture.usdc, sales: 1, unpaid: 1_280)
        #expect(try await day() == due)
        // A day later it would have come.
        let late = try await shop.seller.ledger.earnings(.init(), now: shop.seller.clock() + 86_400_001)
        #expect(late.days.first?.atRisk == 1_280)
        shop.nodes.chain.change { $0.mines = true }
        await shop.look(6)
        sale = try await shown()
        #expect(sale.state == .settled && sale.next == nil && sale.settledAt != nil)
        #expect(sale.transaction.map { sale.reason.hasSuffix($0) } == true)
        #expect(try await day()?.earned == 1_280)
        #expect(try await day()?.unpaid == 0)
        for wrong in [0, 1_001] {
            await #expect(throws: WireError(.invalidParams, "")) { try await shop.seller.sales(limit: wrong) }
        }
        #expect(try await shop.seller.ledger.audit().faults == [])
    }
}
