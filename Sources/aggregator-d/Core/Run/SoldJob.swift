// A job that a stranger buys over HTTP: priced, paid for, run on this node's own engine, and settled. In this order, or for a
// stream settled before it is run. It must never give work for a payment that ledger-d has not written down.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Wire

/// One sale.
struct SoldJob: Sendable {
    typealias Sell = AggregatorInterface.Sell

    let house: Workplace
    let sell: Sell
    let job: JobID
    private let request: InferenceRequest
    private let terms: LedgerInterface.TakeSale
    private let own: PublicKey

    /// Prices a job.
    ///
    /// - Throws: when this node does not sell, or not this.
    init(_ sell: Sell, house: Workplace) async throws {
        guard house.config.sells else {
            throw WireError(
                .policyRefused, "This node sells nothing over HTTP.", fix: "Set sale.listen in infernet.yaml."
            )
        }
        self.house = house
        self.sell = sell
        let local = await house.surroundings.local()
        guard let entry = local.entry(sell.request.model) else {
            throw WireError(.modelNotFound, "The model is not in this node's store.")
        }
        if let obstacle = local.obstacle { throw obstacle }
        let longest = house.config.aggregator.maxTokens
        let tokens = house.maxTokens(sell.request)
        guard tokens <= longest else {
            throw WireError(.invalidRequest, "Answers have 1 to \(longest) tokens here, not \(tokens).")
        }
        // The most that it can cost: a token has at least one byte, and what a template adds is less than the JSON does.
        guard
            let amount = house.prices.of(entry.name).total(
                promptTokens: Int64(try sell.request.jsonBytes().count), completionTokens: Int64(tokens)),
            amount > 0
        else { throw WireError(.policyRefused, "This node's price cannot be paid over HTTP.") }
        var request = sell.request
        request.sampling.maxTokens = tokens
        self.request = request
        own = try await house.surroundings.identity(trace: nil)
        var random = SystemRandomNumberGenerator()
        job = JobID(milliseconds: UInt64(max(0, house.clock.milliseconds())), random: &random)
        terms = LedgerInterface.TakeSale(
            job: job, asset: house.prices.asset, amount: amount, resource: sell.resource,
            request: try request.hash(), upfront: sell.stream, payment: sell.payment,
            process: house.process, model: sell.request.model)
    }

    /// Runs it.
    ///
    /// - Throws: `.paymentRequired` with what is required as its cause.
    func run(_ sink: EventSink<Sell.Event>) async throws -> Sell.Reply {
        // Who asks for the price takes nobody's place.
        guard sell.payment != nil else { return try await take(nil, sink) }
        let ticket = try house.servedGate.enter()
        defer { house.servedGate.leave(ticket) }
        return try await take(ticket, sink)
    }

    private func take(_ ticket: Gate.Ticket?, _ sink: EventSink<Sell.Event>) async throws -> Sell.Reply {
        _ = try await house.links.ledger.call(terms, trace: job.text)
        guard let ticket else { throw WireError(.internalError, "A job was sold for nothing.") }
        do { return try await work(ticket, sink) } catch {
            end()
            throw error
        }
    }

    private func work(_ ticket: Gate.Ticket, _ sink: EventSink<Sell.Event>) async throws -> Sell.Reply {
        var settled: LedgerInterface.SettleSale.Reply?
        if sell.stream {
            let reply = try await settle()
            guard reply.settled else { return unpaid(reply) }
            try await sink.send(Sell.Event(stage: .paid, text: reply.response))
            settled = reply
        }
        let submitted = SubmittedJob(
            AggregatorInterface.Submit(request: request, provider: own), house: house, gate: house.servedGate,
            ticket: ticket, sink: sink, job: job, reason: "bought by a stranger over HTTP")
        let done = try await house.attending(submitted.driver) { try await submitted.run() }
        let reply: LedgerInterface.SettleSale.Reply
        if let settled { reply = settled } else { reply = try await settle() }
        guard reply.settled else { return unpaid(reply) }
        house.remember(done.record.usage, ofSold: job)
        return Sell.Reply(
            job: job, settled: true, response: reply.response, finish: done.finish, usage: done.record.usage)
    }

    /// Asked again while ledger-d is being restarted: it goes on where it was.
    private func settle() async throws -> LedgerInterface.SettleSale.Reply {
        try await Patience.call(until: .now + .seconds(20)) {
            try await house.links.ledger.call(LedgerInterface.SettleSale(job: job), trace: job.text)
        }
    }

    private func unpaid(_ reply: LedgerInterface.SettleSale.Reply) -> Sell.Reply {
        end()
        return Sell.Reply(job: job, settled: false, response: reply.response)
    }

    /// The turn is over without an answer: the same payment may have another.
    private func end() {
        let (ledger, job) = (house.links.ledger, job)
        Task {
            try? await Patience.call(until: .now + .seconds(20)) {
                _ = try await ledger.call(
                    LedgerInterface.EndSale(job: job, delivered: false), trace: job.text)
            }
        }
    }
}
