// The methods of aggregator-d. It must never answer a question about a job from anything but the journal.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Wire

/// Answers requests.
struct Handlers: Sendable {
    typealias Interface = AggregatorInterface
    let house: Workplace

    func routes(_ router: inout Router) {
        router.stream(Interface.Submit.self) { try await submit($0, sink: $2) }
        router.stream(Interface.Serve.self) { try await serve($0, sink: $2) }
        router.on(Interface.Quote.self) { request, _ in try await quote(request) }
        router.on(Interface.TopUp.self) { request, _ in try await topUp(request) }
        router.stream(Interface.Sell.self) { request, _, sink in
            try Self.check(request.request)
            try await house.requireJournal()
            return try await SoldJob(request, house: house).run(sink)
        }
        router.on(Interface.Sold.self) { request, _ in
            // What it took is for who looks at the sales: without it the sale is as good.
            let usage = house.usage(ofSold: request.job)
            return try await house.links.ledger.call(
                LedgerInterface.EndSale(job: request.job, delivered: true, usage: usage),
                trace: request.job.text)
        }
        let refunds = ChannelRefunds(house: house)
        router.on(Interface.AskRefund.self) { request, _ in try await refunds.ask(request) }
        router.on(Interface.Refund.self) { request, _ in try await refunds.give(request) }
        router.on(Interface.Credit.self) { request, _ in try await credit(request) }
        router.on(Interface.Accepted.self) { request, _ in try await accepted(request) }
        router.on(Interface.Jobs.self) { request, _ in
            Interface.Jobs.Reply(
                jobs: try await house.journal.records(limit: min(max(request.limit, 1), 500)))
        }
        router.on(Interface.Job.self) { request, _ in
            guard let found = try await house.journal.job(request.job) else {
                throw Self.unknown(request.job)
            }
            return Interface.Job.Reply(record: found.record, steps: found.steps)
        }
        router.on(Interface.Admit.self) { request, _ in
            Interface.Admit.Reply(running: house.admit(request.open, cancel: request.cancel))
        }
        router.on(Interface.Status.self) { request, _ in try await house.status(over: request.challenge) }
        router.on(Interface.Reputation.self) { request, _ in house.reputation(request) }
        router.on(Interface.Receipt.self) { request, _ in try await receipt(request) }
        router.on(Interface.Models.self) { _, _ in await models() }
        router.on(Interface.Plan.self) { request, context in
            let plan = try await house.plan(
                model: request.model, pin: nil, trace: context.trace, seed: 0, asking: .always)
            return Interface.Plan.Reply(candidates: plan.explained, summary: plan.summary)
        }
    }

    private func submit(
        _ submit: Interface.Submit, sink: EventSink<Interface.Submit.Event>
    ) async throws -> Interface.Submit.Reply {
        try Self.check(submit.request)
        try await house.requireJournal()
        let ticket = try house.ownGate.enter()
        defer { house.ownGate.leave(ticket) }
        let job = SubmittedJob(submit, house: house, gate: house.ownGate, ticket: ticket, sink: sink)
        return try await house.attending(job.driver) { try await job.run() }
    }

    private static func check(_ request: InferenceRequest) throws(WireError) {
        guard !request.model.isEmpty, request.model.utf8.count <= 128 else {
            throw WireError(.invalidRequest, "'model' names a model in 1 to 128 bytes.")
        }
        guard !request.messages.isEmpty else {
            throw WireError(.invalidRequest, "'messages' is empty.", fix: "Send at least one message.")
        }
        if let tokens = request.sampling.maxTokens, tokens < 1 {
            throw WireError(.invalidRequest, "'max_tokens' is \(tokens).", fix: "Ask for at least one token.")
        }
    }

    private func serve(
        _ serve: Interface.Serve, sink: EventSink<Interface.Serve.Event>
    ) async throws -> Interface.Serve.Reply {
        let entry = try ServeCheck.entry(serve, await terms())
        try await house.requireJournal()
        let job = serve.job.job
        // An id is used once: what was asked for twice is not done, and not charged, twice.
        guard house.beginServing(job) else { throw Self.repeated(job) }
        defer { house.endServing(job) }
        guard try await !house.journal.knows(JobKey(job: job, served: true)) else { throw Self.repeated(job) }
        let ticket = try house.servedGate.enter()
        defer { house.servedGate.leave(ticket) }
        // A payment that does not do is refused before the id is used up: the client may ask again with a better one.
        if serve.job.unitPrice.asset != .testCredit {
            try await ServedJob.take(serve.job, from: serve.peer, house)
        }
        let work = ServedJob(serve, entry: entry, house: house, sink: sink)
        return try await house.serving(work) {
            try await house.attending(work.driver) { try await work.run() }
        }
    }

    private func topUp(_ request: Interface.TopUp) async throws -> Done {
        guard let job = house.served(request.topUp.job, for: request.peer) else {
            throw WireError(.notFound, "This node is at no job \(request.topUp.job) of this client.")
        }
        try await job.takeTopUp(request.topUp)
        return Done()
    }

    /// The terms on which this node works.
    private func terms() async -> ServeCheck.Terms {
        ServeCheck.Terms(
            provide: house.config.aggregator.provide, prices: house.prices,
            local: await house.surroundings.local())
    }

    /// What a client's job would cost, when it would be taken now. Nothing is kept free for it.
    private func quote(_ request: Interface.Quote) async throws -> SignedEvent {
        try house.allowQuote(request.peer)
        let asked = request.quote.terms
        _ = try ServeCheck.entry(
            ServeCheck.Wish(
                model: request.quote.model, modelRoot: asked.modelRoot, maxTokens: asked.maxTokens,
                unitPrice: asked.unitPrice), await terms())
        guard asked.isPlausible else {
            throw WireError(
                .invalidRequest, "Quotes are for sealed jobs that cost money, and this one is not.")
        }
        try house.servedGate.requireRoom()
        // Without the job's name: what strangers ask for leaves no line in the log.
        return try await house.links.ledger.call(
            LedgerInterface.SignQuote(
                client: request.peer, terms: asked, chunk: house.config.aggregator.price.chunk))
    }

    /// A client buys credit, or wants it back, which it may also when this node has stopped to work for others.
    private func credit(_ request: Interface.Credit) async throws -> CreditAnswer {
        // Whose money it is the ledger finds by the signature; nobody may spend our time in another's name.
        guard let read = CreditRequest(unproven: request.request), read.client == request.peer else {
            throw WireError(
                .notPermitted, "The request is not one of the node that connected.")
        }
        switch read.wish {
        case .back, .reveal: break
        case .buy, .hold:
            guard house.config.aggregator.provide, house.prices.asset == read.asset else {
                throw WireError(
                    .policyRefused, "This node does not sell its work for \(read.asset.rawValue).")
            }
            guard !house.servedGate.isShut else { throw WireError(.draining, "This node takes no new work.") }
        }
        return try await house.links.ledger.call(LedgerInterface.ServeCredit(request: request.request))
    }

    private func accepted(_ request: Interface.Accepted) async throws -> Done {
        let bundle = request.bundle
        let body: ReceiptBody
        do {
            body = try ReceiptBody(bundle.receipt)
            guard let acceptance = bundle.acceptance else { throw ReceiptError.wrongForm }
            try Acceptance.check(acceptance, receipt: bundle.receipt, body: body)
        } catch {
            throw WireError(.verificationFailed, "The acceptance does not hold: \(error).")
        }
        guard body.client == request.peer else {
            throw WireError(.notPermitted, "The receipt is made out to another node.")
        }
        let key = JobKey(job: body.job, served: true)
        guard let known = try await house.journal.receipt(body.job, served: true),
            known.receipt.id == bundle.receipt.id
        else { throw WireError(.notFound, "This node gave no such receipt for \(body.job).") }
        _ = try await house.links.ledger.call(
            LedgerInterface.RecordAcceptance(bundle: bundle), trace: body.job.text)
        if known.acceptance == nil, let acceptance = bundle.acceptance {
            try await house.journal.commit([
                .accepted(key, acceptance),
                .noted(key, "answered; the client accepted the receipt", at: house.clock.milliseconds()),
            ])
        }
        return Done()
    }

    private func receipt(_ request: Interface.Receipt) async throws -> ReceiptBundle {
        if let bundle = try await house.journal.receipt(request.job) { return bundle }
        if let job = request.job {
            guard let found = try await house.journal.job(job) else { throw Self.unknown(job) }
            throw WireError(
                .notFound,
                "\(job) has no receipt: it is \(found.record.state.rawValue) (\(found.record.reason)).")
        }
        throw WireError(
            .notFound, "There is no receipt yet.", fix: "Run a job first: 'infernetctl chat \"Hello\"'.")
    }

    private func models() async -> Interface.Models.Reply {
        let local = await house.surroundings.localWithStore()
        let cards = house.withBook { $0.known(now: house.clock.seconds) }
        return Interface.Models.Reply(
            models: ModelList.of(local, cards: cards, prices: house.prices, context: house.config.context))
    }

    private static func unknown(_ job: JobID) -> WireError {
        WireError(
            .notFound, "The journal has no job \(job).", fix: "See 'infernetctl jobs' for those it has.")
    }

    private static func repeated(_ job: JobID) -> WireError {
        WireError(.conflict, "\(job) was asked for before.", fix: "Use a new job id for each job.")
    }
}
