// The scripted siblings: a ledger that signs, an engine that speaks lines, a wire to scripted or real providers.
// It must never sign what the real ledger-d would refuse to.

import FoundationEssentials
import IPC
import Interfaces
import NodeModel
import Nostr
import Synchronization
import Wire

@testable import AggregatorCore

/// ledger-d with a test's key. A content key is "wrapped" by writing its reader beside it.
struct FakeLedger: Sendable {
    let house: FakeHouse

    func routes(_ router: inout Router) {
        router.on(LedgerInterface.Identity.self) { _, _ in
            LedgerInterface.Identity.Reply(pubkey: house.key.publicKey, npub: "npub")
        }
        router.on(LedgerInterface.SignCard.self) { request, _ in try house.key.sign(request.card.template) }
        router.on(LedgerInterface.SignDescriptor.self) { request, _ in
            try house.key.sign(try request.descriptor.template())
        }
        router.on(LedgerInterface.SignStatus.self) { request, _ in
            try house.key.sign(request.status.template)
        }
        router.on(LedgerInterface.TakeJob.self) { request, _ in
            if let error = house.script.withLock({ $0.takeError }) { throw error }
            house.script.withLock { $0.takes.append(request) }
            let repeated = house.script.withLock { !$0.taken.insert(request.job).inserted }
            return LedgerInterface.TakeJob.Reply(repeated: repeated)
        }
        router.on(LedgerInterface.SignReceipt.self) { request, context in
            let isTaken = house.script.withLock { script in
                script.traces.insert(context.trace ?? "none")
                return script.taken.contains(request.body.job)
            }
            guard isTaken || request.body.client == house.key.publicKey else {
                throw WireError(.policyRefused, "not taken")
            }
            return try house.key.sign(try request.body.template())
        }
        router.on(LedgerInterface.AcceptReceipt.self) { request, _ in
            if let error = house.script.withLock({ $0.acceptError }) { throw error }
            let body = try ReceiptBody(request.receipt)
            guard body.client == house.key.publicKey else {
                throw WireError(.notPermitted, "not made out to me")
            }
            let repeated = house.script.withLock { script in
                defer { script.acceptedReceipts.append(request.receipt.id) }
                return script.acceptedReceipts.contains(request.receipt.id)
            }
            let event = try house.key.sign(
                Acceptance.template(receipt: request.receipt, body: body, acceptedAt: body.finishedAt))
            return LedgerInterface.AcceptReceipt.Reply(acceptance: event, repeated: repeated)
        }
        router.on(LedgerInterface.BookOwn.self) { request, context in
            if let error = house.script.withLock({ $0.acceptError }) { throw error }
            guard request.body.client == house.key.publicKey else {
                throw WireError(.policyRefused, "not my own")
            }
            let receipt = try house.key.sign(try request.body.template())
            let acceptance = try house.key.sign(
                Acceptance.template(
                    receipt: receipt, body: request.body, acceptedAt: request.body.finishedAt))
            return house.script.withLock { script in
                script.traces.insert(context.trace ?? "none")
                script.acceptedReceipts.append(receipt.id)
                let bundle = ReceiptBundle(receipt: receipt, acceptance: acceptance)
                let earlier = script.booked[request.body.job]
                script.booked[request.body.job] = earlier ?? bundle
                return LedgerInterface.BookOwn.Reply(bundle: earlier ?? bundle, repeated: earlier != nil)
            }
        }
        router.on(LedgerInterface.FindOwn.self) { request, _ in
            if let error = house.script.withLock({ $0.findOwnError }) { throw error }
            return house.script.withLock { script in
                script.foundOwn.append(request.jobs)
                return LedgerInterface.FindOwn.Reply(bundles: request.jobs.compactMap { script.booked[$0] })
            }
        }
        router.on(LedgerInterface.SignCounterfoil.self) { request, _ in
            let body = try ReceiptBody(request.receipt)
            guard body.provider == house.key.publicKey, let foil = Counterfoil(request.receipt, body) else {
                throw WireError(.policyRefused, "not mine")
            }
            return LedgerInterface.SignCounterfoil.Reply(signature: try house.key.sign(foil.template).sig)
        }
        router.on(LedgerInterface.SignEvidence.self) { request, _ in
            let body = try ReceiptBody(request.receipt)
            let accepted = house.script.withLock { $0.acceptedReceipts.contains(request.receipt.id) }
            guard body.client == house.key.publicKey, let foil = Counterfoil(request.receipt, body),
                let signature = Hex.decode(request.counterfoil, count: 64), foil.isSigned(signature),
                accepted || request.outcome == .wrong
            else { throw WireError(.policyRefused, "not accepted, or not signed") }
            let evidence = Evidence(
                counterfoil: foil, signature: signature, outcome: request.outcome,
                createdAt: body.finishedAt)
            return try house.key.sign(evidence.template)
        }
        router.on(LedgerInterface.RecordAcceptance.self) { request, _ in
            let repeated = house.script.withLock { script in
                defer { script.recorded.append(request.bundle) }
                return script.recorded.contains { $0.receipt.id == request.bundle.receipt.id }
            }
            return LedgerInterface.RecordAcceptance.Reply(repeated: repeated)
        }
        router.on(LedgerInterface.SignQuote.self) { request, _ in
            house.script.withLock { $0.quoted.append(request) }
            return try Self.quote(request.client, request.terms, chunk: request.chunk, by: house.key)
        }
        router.on(LedgerInterface.PromisePrice.self) { request, _ in
            if let error = house.script.withLock({ $0.promiseError }) { throw error }
            guard let quote = Quote(request.quote), let rail = request.asset.rail,
                quote.difference(
                    provider: request.provider, client: house.key.publicKey, terms: request.terms, rail: rail)
                    == nil
            else { throw WireError(.verificationFailed, "the quote is of something else") }
            let number = house.script.withLock { script in
                script.promises.append(request)
                return script.promises.count
            }
            return LedgerInterface.PromisePrice.Reply(payment: "voucher-\(number)")
        }
        router.on(LedgerInterface.AskRefund.self) { request, _ in
            house.script.withLock { $0.askedBack.append(request.channel) }
            return LedgerInterface.AskRefund.Reply(
                payment: LedgerInterface.AskRefund.example.reply.payment, request: "back \(request.channel)")
        }
        router.on(LedgerInterface.GiveRefund.self) { request, _ in
            house.script.withLock { $0.refunds.append(request) }
            if let error = house.script.withLock({ $0.takeError }) { throw error }
            return LedgerInterface.GiveRefund.Reply(amount: 7)
        }
        router.on(LedgerInterface.ServeCredit.self) { request, _ in
            house.script.withLock { $0.creditRequests.append(request.request) }
            return CreditAnswer(state: "asked", reason: "the money is set aside")
        }
        router.on(LedgerInterface.TopUp.self) { request, _ in
            if let error = house.script.withLock({ $0.topUpErrors.popLast() }) { throw error }
            house.script.withLock { $0.topUps.append(request) }
            return LedgerInterface.TopUp.Reply(payment: "piece to \(request.tokens)")
        }
        router.on(LedgerInterface.TakeTopUp.self) { request, _ in
            if let error = house.script.withLock({ $0.takeTopUpErrors.popLast() }) { throw error }
            guard request.payment == "piece to \(request.tokens)" else {
                throw WireError(.paymentRequired, "another voucher")
            }
            house.script.withLock { $0.takenTopUps.append(request) }
            return Done()
        }
        router.on(LedgerInterface.ReleasePrice.self) { request, _ in
            if let error = house.script.withLock({ $0.releaseErrors.popLast() }) { throw error }
            house.script.withLock { $0.releases.append(request) }
            return Done()
        }
        router.on(LedgerInterface.WrapKey.self) { request, _ in
            LedgerInterface.WrapKey.Reply(wrapped: "\(request.recipient.hex):\(request.contentKey)")
        }
    }

    static func quote(
        _ client: PublicKey, _ terms: QuoteTerms, chunk: Int? = nil, by key: SecretKey
    ) throws -> SignedEvent {
        let now = WallClock.system.seconds
        guard let rail = terms.unitPrice.asset.rail else { throw WireError(.policyRefused, "no money") }
        return try key.sign(
            Quote(
                provider: key.publicKey, client: client, terms: terms, rails: [rail],
                chunk: chunk ?? .max < terms.maxTokens ? chunk : nil, createdAt: now,
                expiresAt: now + Quote.life
            ).template)
    }

    static func unwrap(_ payload: SealedPayload, for reader: PublicKey) throws -> ContentKey {
        let parts = payload.wrappedKey.split(separator: ":")
        guard parts.count == 2, parts[0] == reader.hex, let bytes = Hex.decode(parts[1]),
            let key = ContentKey(bytes: bytes)
        else { throw WireError(.invalidRequest, "the key is not for \(reader)") }
        return key
    }
}

/// exec-d with an engine that follows a script.
struct FakeEngine: Sendable {
    let house: FakeHouse

    func routes(_ router: inout Router) {
        router.on(ExecInterface.Inventory.self) { _, _ in house.script.withLock { $0.inventory } }
        router.on(ExecInterface.Score.self) { request, _ in
            let reader = house.script.withLock { script in
                script.scored.append(request)
                return script.reader
            }
            try await Task.sleep(for: .milliseconds(reader.pauseMs))
            if let error = house.script.withLock({ $0.reader.errors.popLast() }) { throw error }
            return ExecInterface.Score.Reply(
                image: reader.image, tokens: reader.gaps.count,
                marks: reader.gaps.enumerated().map { ExecInterface.Score.Mark(place: $0, gap: $1) })
        }
        router.on(ExecInterface.Allow.self) { request, _ in
            house.script.withLock { $0.allowed[request.job, default: 0] = request.tokens }
            return Done()
        }
        router.stream(ExecInterface.Run.self) { run, _, sink in
            let engine = house.script.withLock { script in
                script.runs.append(run)
                return script.engine
            }
            let request: InferenceRequest
            var seal: PayloadSeal?
            switch run.payload {
            case .plain(let plain): request = plain
            case .sealed(let payload):
                let key = try FakeLedger.unwrap(payload, for: house.key.publicKey)
                request = try Self.open(payload, key, run.job)
                seal = PayloadSeal(key: key, jobID: run.job, direction: .response)
            }
            try await sink.send(ExecInterface.Run.Event(stage: .prompt))
            var given: Int?
            for (number, piece) in engine.pieces.enumerated() {
                if let allowance = run.allowance {
                    // As long as exec-d waits, in short.
                    for _ in 0..<engine.patience where number >= max(allowance, allowed(run.job)) {
                        try await Task.sleep(for: .milliseconds(2))
                    }
                    if number >= max(allowance, allowed(run.job)) {
                        given = number
                        break
                    }
                }
                if engine.failAt == number { throw engine.error }
                if engine.hangAt == number { try await Task.sleep(for: .seconds(60)) }
                if engine.pauseMs > 0 { try await Task.sleep(for: .milliseconds(engine.pauseMs)) }
                let bytes = try seal?.seal(Array(piece.utf8), sequence: UInt64(number))
                try await sink.send(
                    ExecInterface.Run.Event(
                        stage: .token, sequence: UInt64(number),
                        text: bytes.map { Data($0).base64EncodedString() } ?? piece,
                        tokens: run.allowance == nil ? 0 : UInt64(number + 1)))
            }
            var reply = ExecInterface.Run.Reply(
                model: "tiny", modelRoot: PlannerTests.root, image: "sha256:" + PlannerTests.root.hex,
                requestHash: try request.hash(),
                resultHash: try Self.hash(
                    given.map { Array(engine.pieces[..<$0]) } ?? engine.pieces, of: request),
                usage: Usage(promptTokens: 12, completionTokens: Int64(engine.pieces.count + 1)),
                timings: StageTimings(queueMs: 1, loadMs: 2, firstTokenMs: 3, generateMs: 4), finish: .stop)
            if let given {
                reply.finish = .length
                reply.usage.completionTokens = Int64(given)
            }
            engine.tamper(&reply)
            return reply
        }
    }

    /// The hash of an answer in pieces as they travel; of their text where they do not belong to one.
    static func hash(_ pieces: [String], of request: InferenceRequest) throws -> NodeModel.Digest {
        guard request.hasParts else { return Digest(hashing: pieces.joined()) }
        var sum = AnswerSum(of: request)
        for piece in pieces { _ = try? sum.add(try AnswerPiece(written: piece)) }
        return sum.hash
    }

    private func allowed(_ job: JobID) -> Int { house.script.withLock { $0.allowed[job] ?? 0 } }

    static func open(_ payload: SealedPayload, _ key: ContentKey, _ job: JobID) throws -> InferenceRequest {
        guard let data = Data(base64Encoded: payload.ciphertext) else {
            throw WireError(.invalidRequest, "base64")
        }
        let plain = try PayloadSeal(key: key, jobID: job, direction: .request).open(Array(data), sequence: 0)
        return try InferenceRequest.fromJSON(plain)
    }
}

/// A provider that follows a script, seen from the client.
struct ProviderScript: Sendable {
    var key: SecretKey
    var client: PublicKey
    var pieces = ["Bon", "jour"]
    /// Fails at once when 0, else after so many pieces.
    var dieAfter: Int?
    var error = WireError(.upstreamLost, "the connection broke")
    /// What it says when it is asked for a price, and what it makes of what it is asked for.
    var quoteError: WireError?
    var misquote: @Sendable (inout QuoteTerms) -> Void = { _ in }
    /// Refuses so many jobs before it takes one.
    var refusals = 0
    var hangAfter: Int?
    /// Leaves this piece out, numbers and all.
    var skip: Int?
    /// Sends this piece twice.
    var replay: Int?
    /// Changes a bit of this piece.
    var flip: Int?
    var tamper: @Sendable (inout ReceiptBody) -> Void = { _ in }
    var forge: @Sendable (SignedEvent) -> SignedEvent = { $0 }

    func run(
        _ job: PeerInterface.RunJob, _ sink: EventSink<ExecInterface.Run.Event>
    ) async throws -> PeerInterface.RunJob.Reply {
        if dieAfter == 0 { throw error }
        let key = try FakeLedger.unwrap(job.payload, for: self.key.publicKey)
        let request = try FakeEngine.open(job.payload, key, job.job)
        try await sink.send(ExecInterface.Run.Event(stage: .queued))
        let seal = PayloadSeal(key: key, jobID: job.job, direction: .response)
        for (number, piece) in pieces.enumerated() {
            if dieAfter == number { throw error }
            if hangAfter == number { try await Task.sleep(for: .seconds(60)) }
            if skip == number { continue }
            var bytes = try seal.seal(Array(piece.utf8), sequence: UInt64(number))
            if flip == number { bytes[0] ^= 1 }
            let event = ExecInterface.Run.Event(
                stage: .token, sequence: UInt64(number), text: Data(bytes).base64EncodedString())
            try await sink.send(event)
            if replay == number { try await sink.send(event) }
        }
        var body = ReceiptBody(
            job: job.job, provider: self.key.publicKey, client: client, model: job.model,
            modelRoot: job.modelRoot,
            image: "sha256:" + PlannerTests.root.hex, requestHash: try request.hash(),
            resultHash: try FakeEngine.hash(pieces, of: request),
            usage: Usage(promptTokens: 12, completionTokens: Int64(pieces.count)), timings: StageTimings(),
            finish: .stop, unitPrice: job.unitPrice, price: 0, finishedAt: WallClock.system.seconds)
        body.price = job.unitPrice.total(promptTokens: 12, completionTokens: Int64(pieces.count)) ?? 0
        tamper(&body)
        // A cheat does not run the checks of `template()`.
        let content = String(decoding: try CanonicalJSON.encode(body), as: UTF8.self)
        let event = try self.key.sign(
            EventTemplate(
                pubkey: self.key.publicKey, createdAt: body.finishedAt, kind: EventKind.receipt,
                tags: [["p", body.client.hex]], content: content))
        let foil = try Counterfoil(event, body).map { try self.key.sign($0.template).sig }
        return PeerInterface.RunJob.Reply(receipt: forge(event), counterfoil: foil)
    }
}

/// ws-d that carries jobs to scripts, or to another house's aggregator-d.
struct FakeWire: Sendable {
    let house: FakeHouse

    func routes(_ router: inout Router) {
        router.stream(WSInterface.RunJob.self) { call, context, sink in
            let provider = house.script.withLock { script in
                script.dialled.append(call.endpoint)
                script.sealed.append(call.job)
                guard var provider = script.providers[call.endpoint], provider.refusals > 0 else {
                    return script.providers[call.endpoint]
                }
                provider.refusals -= 1
                script.providers[call.endpoint] = provider
                provider.dieAfter = 0
                return provider
            }
            if let provider { return try await provider.run(call.job, sink) }
            guard let other = house.network.withLock({ $0[call.endpoint] }) else {
                throw WireError(.unavailable, "nobody listens at \(call.endpoint)")
            }
            return try await other.link(as: .ws).stream(
                AggregatorInterface.Serve(peer: house.key.publicKey, job: call.job), trace: context.trace
            ) { try await sink.send($0) }
        }
        router.on(WSInterface.Quote.self) { call, _ in
            let provider = house.script.withLock { script in
                script.asked.append(call)
                return script.providers[call.endpoint]
            }
            if let provider {
                if let error = provider.quoteError { throw error }
                var terms = call.quote.terms
                provider.misquote(&terms)
                return try FakeLedger.quote(house.key.publicKey, terms, by: provider.key)
            }
            guard let other = house.network.withLock({ $0[call.endpoint] }) else {
                throw WireError(.unavailable, "nobody listens at \(call.endpoint)")
            }
            return try await other.link(as: .ws).call(
                AggregatorInterface.Quote(peer: house.key.publicKey, quote: call.quote))
        }
        router.on(WSInterface.TopUp.self) { call, _ in
            guard let other = house.network.withLock({ $0[call.endpoint] }) else {
                throw WireError(.unavailable, "nobody listens at \(call.endpoint)")
            }
            return try await other.link(as: .ws).call(
                AggregatorInterface.TopUp(peer: house.key.publicKey, topUp: call.topUp))
        }
        router.on(WSInterface.AskRefund.self) { call, _ in
            guard let other = house.network.withLock({ $0[call.endpoint] }) else {
                throw WireError(.unavailable, "nobody listens at \(call.endpoint)")
            }
            return try await other.link(as: .ws).call(
                AggregatorInterface.Refund(peer: house.key.publicKey, refund: call.refund))
        }
        router.on(WSInterface.DeliverAcceptance.self) { call, _ in
            if let error = house.script.withLock({ $0.deliveryError }) { throw error }
            if let other = house.network.withLock({ $0[call.endpoint] }) {
                _ = try await other.link(as: .ws).call(
                    AggregatorInterface.Accepted(peer: house.key.publicKey, bundle: call.bundle))
            }
            house.script.withLock { $0.delivered.append(call.bundle) }
            return Done()
        }
    }
}
