// The two ways to run a job: on this node's engine in the clear, or at a provider, sealed.
// It must never use a content key twice, nor let a piece reach the caller unopened.

import FoundationEssentials
import IPC
import Interfaces
import NodeModel
import Wire

extension SubmittedJob {
    /// Runs the job on this node's engine.
    func runHere(_ entry: ContentInterface.Entry, _ number: Int) async throws -> Answer {
        let tally = AnswerTally(request)
        let tokens = agreedTokens(entry.metadata["context_length"].flatMap { Int($0) } ?? .max)
        let run = ExecInterface.Run(
            job: job, model: entry.root.hex, payload: .plain(request), maxTokens: tokens)
        // exec-d itself is reached within the link's own deadline; what follows is queue, load and prompt.
        driver.feed(.contact(number))
        do {
            let reply = try await house.links.exec.stream(run, trace: job.text) { event in
                guard event.stage == .token else { return }
                self.notePiece(number)
                try tally.add(event.text, sequence: event.sequence)
                try await self.sink.send(
                    Submit.Event(stage: .token, sequence: event.sequence, text: event.text))
            }
            return .here(reply, entry, tally.sum())
        } catch {
            await house.surroundings.forget()
            throw error
        }
    }

    /// Runs the job at a provider.
    func runThere(_ offer: Offer, _ number: Int) async throws -> Answer {
        let sealed = try await seal(for: offer)
        let tally = AnswerTally(request)
        let answer = SealedAnswer(key: sealed.key, job: job)
        let copy = house.verifier?.draws(offer) == true ? AnswerCopy() : nil
        do {
            let reply = try await paying(offer, sealed.payload) { payment in
                let cover = AnswerCover(
                    payment?.quote, self.request, offer, job: self.job, house: self.house)
                defer { cover?.end() }
                let call = WSInterface.RunJob(
                    endpoint: offer.card.endpoint, provider: offer.card.provider,
                    job: PeerInterface.RunJob(
                        job: self.job, model: offer.model.name, modelRoot: offer.model.root,
                        payload: sealed.payload, maxTokens: self.agreedTokens(offer.model.context),
                        unitPrice: offer.model.price, payment: payment?.payment, quote: payment?.quote))
                return try await self.noting(offer.card.provider) {
                    try await self.house.links.ws.stream(call, trace: self.job.text) { event in
                        guard event.stage == .token else { return self.driver.feed(.contact(number)) }
                        let text = try answer.open(event.text, sequence: event.sequence)
                        self.notePiece(number)
                        let weight = try tally.add(text, sequence: event.sequence)
                        cover?.saw(tokens: event.tokens, weight: weight)
                        if let words = self.words(of: text) { copy?.add(words) }
                        try await self.sink.send(
                            Submit.Event(stage: .token, sequence: event.sequence, text: text))
                    }
                }
            }
            return .remote(reply, offer, tally.sum(), copy)
        } catch {
            throw Self.explain(WireError.wrapping(error), offer, pieces: tally.sum().pieces)
        }
    }

    /// Sends a job to a provider, and notes when there is no place: what it told of its load is held against that.
    private func noting<T>(_ provider: PublicKey, _ send: () async throws -> T) async throws -> T {
        house.withLoadWords { $0.sent(to: provider) }
        defer { house.withLoadWords { $0.ended(at: provider) } }
        do { return try await send() } catch let error as WireError where error.code == .tooManyRequests {
            house.withLoadWords { $0.refused(by: provider, now: house.clock.seconds) }
            throw error
        }
    }

    /// What a check would read of a piece, which the tally has taken; nil where an answer is not checked.
    private func words(of piece: String) -> String? {
        guard request.hasParts else { return piece }
        return request.tools == nil ? try? AnswerPiece(written: piece).text : nil
    }

    /// The request, sealed under a key of this attempt alone, and that key for the provider.
    private func seal(for offer: Offer) async throws -> (payload: SealedPayload, key: ContentKey) {
        let own = try await house.surroundings.identity(trace: job.text)
        let key = ContentKey()
        let plain = try request.jsonBytes()
        let seal = PayloadSeal(key: key, jobID: job, direction: .request)
        let ciphertext = try seal.seal(plain, sequence: 0)
        let wrapped = try await house.links.ledger.call(
            LedgerInterface.WrapKey(
                job: job, recipient: offer.card.provider, contentKey: Hex.encode(key.bytes)),
            trace: job.text)
        let payload = SealedPayload(
            ciphertext: Data(ciphertext).base64EncodedString(), wrappedKey: wrapped.wrapped, sender: own)
        return (payload, key)
    }

    /// A provider's failure in words that name it; what the request itself caused stays as it is.
    private static func explain(_ error: WireError, _ offer: Offer, pieces: Int) -> WireError {
        let name = offer.card.provider.hex.prefix(16)
        // An endpoint that cannot be dialled, or a message that cannot be read: not what this node's people sent.
        if error.code == .invalidParams {
            return WireError(
                .providerFailed, "Provider \(name) cannot be talked to: \(error.message)",
                fix: "Ask again; another provider is tried first, if there is one.", cause: "\(error.code)")
        }
        guard FailureJudgement(error, elsewhere: true).blames, error.code != .verificationFailed else {
            return error
        }
        guard pieces > 0 else {
            return WireError(
                error.code, "Provider \(name) failed: \(error.message)", fix: error.fix,
                retryAfterMs: error.retryAfterMs, cause: error.cause)
        }
        return WireError(
            .providerFailed,
            "Provider \(name) failed after \(pieces) pieces of its answer: \(error.message)",
            fix: "Ask again; another provider is tried first, if there is one.", cause: "\(error.code)")
    }
}
