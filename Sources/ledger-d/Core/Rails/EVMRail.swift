// One EVM chain, looked at again and again: deposits are booked when they are final, payments are driven to their end.
// It must never sign for a token that the chain describes otherwise than the configuration.

import DaemonKit
import EVM
import FoundationEssentials
import Logging
import NodeModel
import Wire

actor EVMRail {
    nonisolated let chain: EVMChain
    nonisolated let signer: PaymentSigner
    let ledger: Ledger
    let client: ChainClient
    private let log: Logger
    /// Unix milliseconds.
    private let clock: @Sendable () -> Int64

    private(set) var standing: (ok: Bool, reason: String) = (false, "not heard yet")
    var awaited: [String: String] = [:]
    /// What the account has for fees; nil while the chain did not say.
    private(set) var coins: UInt256?
    /// Whether a look has ended.
    private(set) var hasLooked = false
    /// What was last heard of channels.
    var views: [Digest: ChannelView] = [:]
    /// How often what was heard was given up.
    var forgotten = 0
    nonisolated let rule: ClaimRule
    /// Who carries strangers' payments; this node alone when nil.
    nonisolated let facilitator: Facilitator?
    /// When it was asked for a payment, Unix seconds, and which transaction it named.
    var asked: [String: Int64] = [:]
    var named: [String: [UInt8]] = [:]
    /// The transactions in whose blocks payments under way were seen.
    private(set) var paid: [String: [UInt8]] = [:]
    var verified: Set<EVMAddress> = []
    /// Why nothing is signed for a token, and why what comes in of it is not booked.
    var doubts: [Asset: String] = [:]
    var unbooked: [Asset: String] = [:]
    /// How much less the account holds than the books would say with what comes in.
    var missing: [Asset: Int64] = [:]
    /// What a person has said is to be written off.
    var writtenOff: [Asset: Int64] = [:]
    /// How far who carried a payment was looked for.
    var searches: [String: CarrierSearch] = [:]
    private var final: (number: UInt64, hash: [UInt8])?
    /// When letters were last offered to the chain, by their hashes; Unix milliseconds.
    var offered: [[UInt8]: Int64] = [:]
    var searched: [Asset: UInt64] = [:]
    private var isBusy = false

    init(
        _ chain: EVMChain, signer: PaymentSigner, ledger: Ledger, carrier: any Carrier, log: Logger,
        rule: ClaimRule = ClaimRule(amount: 1_000_000, after: 86_400), facilitator: Facilitator? = nil,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.facilitator = facilitator
        self.rule = rule
        self.chain = chain
        self.signer = signer
        self.ledger = ledger
        client = ChainClient(endpoint: chain.endpoint, carrier: carrier)
        self.log = log
        self.clock = clock
    }

    /// Takes a payment in. The money is set aside when this returns, and nothing is signed.
    nonisolated func ask(
        _ id: String, _ token: EVMToken, amount: Int64, to: EVMAddress
    ) async throws -> OutgoingPayment {
        guard to != signer.address else {
            throw WireError(.invalidParams, "'to' is this node's own account.", fix: "Name another's.")
        }
        guard to != .zero, to != token.address else {
            throw WireError(.invalidParams, "Money sent to \(to) is lost.", fix: "Name an account.")
        }
        let now = clock()
        let terms = EVMPaymentTerms(
            id: id, amount: amount, token: token, from: signer.address, to: to,
            validBefore: now / 1000 + chain.validSeconds)
        return try await ledger.ask(
            Ledger.PaymentDraft(
                id: id, rail: chain.rail, asset: token.asset, amount: amount, payee: to.lowercase,
                terms: try CanonicalJSON.encode(terms), perPayment: token.perPayment, perDay: token.perDay,
                perPeer: token.perPeer),
            at: now)
    }

    /// Looks at the chain once.
    ///
    /// - Returns: whether payments are under way.
    func pass() async -> Bool {
        // An actor lets calls in while it waits; two looks at once would sign twice where one does.
        guard !isBusy else { return true }
        isBusy = true
        defer { isBusy = false }
        do {
            let open = try await ledger.openPayments(chain.rail)
            let under = Set(open.map(\.id))
            awaited = awaited.filter { under.contains($0.key) }
            (asked, named) = (
                asked.filter { under.contains($0.key) }, named.filter { under.contains($0.key) }
            )
            paid = paid.filter { under.contains($0.key) }
            searches = searches.filter { under.contains($0.key) }
            do {
                try await look()
            } catch {
                tell(false, Self.words(error))
                for payment in open { awaited[payment.id] = standing.reason }
            }
            return try await !ledger.openPayments(chain.rail).isEmpty
        } catch {
            tell(false, Self.words(error))
            return false
        }
    }

    private func look() async throws {
        guard try await client.chainID() == UInt256(chain.id) else {
            throw ChainTrouble.contradiction("the endpoint of '\(chain.name)' speaks for another chain")
        }
        guard let finalBlock = try await client.block(.finalized),
            let latest = try await client.block(.latest)
        else { throw ChainTrouble.unreadable("there is no last or no final block") }
        let (number, time) = try settled(finalBlock, latest)
        for token in chain.tokens { await hear(token, through: number) }
        var told = ["final up to block \(number)"] + tokenTroubles
        tell(true, told.joined(separator: "; "))
        coins = try? await client.coins(signer.address)
        // What ails one of these is told, and keeps nothing from payments that are under way.
        told += await [
            attempt("claims") { try await claimDue() },
            attempt("withdrawals") { try await takeBack((number, time)) },
            attempt("refunds") { try await giveBack(number) },
        ].compactMap { $0 }
        tell(true, told.joined(separator: "; "))
        try await ledger.writeOffSales(chain.rail, at: now)
        for id in try await ledger.openPayments(chain.rail).map(\.id) {
            // Read again: what was signed in this look has a place in the lane, even where the chain did not take it.
            let open = try await ledger.openPayments(chain.rail)
            guard let payment = open.first(where: { $0.id == id }) else { continue }
            do { try await drive(payment, open, latest, (number, time)) } catch {
                awaited[payment.id] = Self.words(error)
            }
        }
    }

    /// What is final only grows, and is not from the future.
    private func settled(_ block: ChainBlock, _ latest: ChainBlock) throws -> (UInt64, UInt64) {
        guard let number = block.number.value.exactUInt64, let time = block.timestamp.value.exactUInt64,
            number < 1 << 62, let last = latest.number.value.exactUInt64, number <= last
        else { throw ChainTrouble.unreadable("blocks are beyond all bounds") }
        guard Int64(clamping: time) < clock() / 1000 + 3_600 else {
            throw ChainTrouble.contradiction("the final block is from the future")
        }
        if let final, final.number > number || (final.number == number && final.hash != block.hash.bytes) {
            throw ChainTrouble.contradiction("what was final has changed")
        }
        final = (number, block.hash.bytes)
        return (number, time)
    }

    private func drive(
        _ payment: OutgoingPayment, _ open: [OutgoingPayment], _ latest: ChainBlock, _ final: (UInt64, UInt64)
    ) async throws {
        let errand = try EVMErrands.read(payment.terms)
        guard let token = chain.tokens.first(where: { $0.asset == payment.asset }),
            errand.from == signer.address.lowercase
        else {
            awaited[payment.id] = "its token or its key, which this node no longer has"
            return
        }
        if let doubt = doubts[token.asset] {
            awaited[payment.id] = doubt
            return
        }
        var view = try await view(payment, open, errand, token, latest, final)
        // A claim that took others along and moved nothing is made again for itself alone.
        let group = (errand as? ChannelClaimTerms)?.others == nil ? nil : errand as? ChannelClaimTerms
        if group != nil, let first = payment.letters.first?.hash, payment.letters.count > 1 {
            view.seen.removeAll { $0.hash == first && !$0.pays }
        }
        guard errand.isCarriedHere else { return try await follow(payment, errand, view) }
        paid[payment.id] = view.seen.first(where: \.pays)?.hash
        if !view.usedFinally, goesAlong(payment, errand, open) { return }
        if let sale = errand as? SaleTerms, !view.usedNow, await leavesToFacilitator(payment, sale) { return }
        let machine = EVMPaymentMachine(
            chain: chain, letters: payment.letters, amount: errand.spends, validBefore: errand.validBefore,
            gas: chain.gasLimit * errand.gasShare, isAgain: group != nil && payment.letters.count == 1)
        let now = clock()
        let fees = payment.letters.last.flatMap(Self.fees)
        switch machine.next(view, fees: fees, now: now / 1000) {
        case .sign(let nonce, let tip, let fee):
            let own: any EVMErrand = payment.letters.isEmpty ? errand : group?.alone ?? errand
            try await sign(payment, own, token, nonce: nonce, tip: tip, fee: fee, at: now)
        case .hand(let number):
            guard let letter = payment.letters.first(where: { $0.number == number }) else { return }
            try await hand(letter, of: payment, at: now)
        case .answered(let claim):
            awaited[payment.id] = claim
            if payment.state != .answered || payment.reason != claim {
                try await ledger.move(payment.id, to: .answered, claim, at: now)
            }
        case .settle(let hash):
            try await ledger.end(payment.id, .settled, "paid by 0x\(Hex.encode(hash))", at: now)
            awaited[payment.id] = nil
            log.notice("payment settled", metadata: ["payment": "\(payment.id)"])
        case .fail(let reason):
            try await ledger.end(payment.id, .failed, reason, at: now)
            awaited[payment.id] = nil
            log.notice("payment failed", metadata: ["payment": "\(payment.id)", "reason": "\(reason)"])
        case .wait(let what): awaited[payment.id] = what
        }
    }

    /// Somebody names a transaction that may have carried a payment.
    func heard(_ hash: [UInt8], of payment: String) { named[payment] = hash }

    private func view(
        _ payment: OutgoingPayment, _ open: [OutgoingPayment], _ errand: any EVMErrand,
        _ token: EVMToken, _ latest: ChainBlock, _ final: (number: UInt64, time: UInt64)
    ) async throws -> EVMPaymentMachine.View {
        let used = (
            try await errand.isDone(client, token, .number(final.number)),
            try await errand.isDone(client, token, .latest)
        )
        var hashes = payment.letters.map(\.hash)
        let named = named[payment.id]
        if let named, !hashes.contains(named) { hashes.append(named) }
        var seen: [EVMPaymentMachine.Seen] = []
        if used.0, errand.provesItself {
            seen.append(.init(hash: hashes.last ?? [], block: final.number, pays: true))
        }
        for hash in hashes {
            guard let found = try await self.seen(hash, errand, token) else { continue }
            // What somebody else names and does not pay is not ours.
            if hash == named, !found.pays { continue }
            seen.append(found)
        }
        if used.0, !errand.provesItself, !seen.contains(where: { $0.pays && $0.block <= final.number }) {
            for hash in try await carriers(of: payment, errand, token, upTo: final.number)
                .filter({ !hashes.contains($0) }).prefix(4)
            {
                if let found = try await self.seen(hash, errand, token) { seen.append(found) }
            }
        }
        let held = try await client.call(
            EVMToken.balanceOf, [.address(signer.address)], at: token.address, .latest)
        guard case .uint(let tokens) = held.first else { throw ChainTrouble.unreadable("balanceOf") }
        let offeredAt = payment.letters.last.flatMap { offered[$0.hash] }
        return EVMPaymentMachine.View(
            finalNumber: final.number, finalTime: final.time,
            baseFee: latest.baseFeePerGas?.value.exactUInt64.map { min($0, 1 << 60) } ?? 1 << 60,
            tip: try await client.tip().exactUInt64 ?? .max, count: try await client.count(signer.address),
            coins: try await client.coins(signer.address), tokens: tokens, usedFinally: used.0,
            usedNow: used.1, seen: seen,
            taken: Set(open.filter { $0.id != payment.id }.flatMap { $0.letters.map(\.place) }),
            offeredAgo: offeredAt.map { (clock() - $0) / 1000 })
    }

    /// What a transaction's receipt comes to; nil where it is in no block of the chain.
    private func seen(
        _ hash: [UInt8], _ errand: any EVMErrand, _ token: EVMToken
    ) async throws -> EVMPaymentMachine.Seen? {
        guard let receipt = try await client.receipt(hash) else { return nil }
        guard receipt.transactionHash.bytes == hash, let block = receipt.blockNumber.value.exactUInt64 else {
            throw ChainTrouble.contradiction("a receipt is one of another transaction")
        }
        guard let home = try await client.block(.number(block)), home.hash == receipt.blockHash else {
            return nil
        }
        return .init(hash: hash, block: block, pays: try errand.pays(receipt, token))
    }

    /// Unix milliseconds.
    var now: Int64 { clock() }

    private func tell(_ ok: Bool, _ reason: String) {
        if ok != standing.ok {
            log.notice(
                "chain \(ok ? "heard" : "in doubt")",
                metadata: ["chain": "\(chain.name)", "why": "\(reason)"])
        }
        standing = (ok, reason)
        hasLooked = true
    }
}
