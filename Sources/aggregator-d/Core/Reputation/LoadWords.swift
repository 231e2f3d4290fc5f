// What a provider's word on its own load is worth: what it told, beside what this node met there. Pure: time is given.
// It must never take an honest race for a lie, nor doubt somebody for being idle whom this node does not use itself.

import Glibc
import NodeModel

/// What a provider's word on its load is worth when it is chosen.
struct LoadWord: Hashable, Sendable {
    /// It counts for nothing.
    var isDoubted = false
    /// It had no place a moment ago, whatever it says.
    var isFull = false
    /// The share of its price for which it is worth having, as jobs were refused there that it had told room for.
    var worth = 1.0
}

/// What this node was told of loads, and what came of it.
///
/// To say "idle" costs nothing and brings jobs, so that it is believed on two conditions. Who had room when it was asked has
/// room a moment later, but for the few places that others may have taken meanwhile. And who is used as others are is as
/// loaded as others are: who never says so, while they do, tells something else than what is.
struct LoadWords: Sendable {
    /// What is known of one provider; all counts fade together.
    private struct Record: Sendable {
        /// What its statuses speak for a lie, as the logarithm of odds, and whether any of them told a job.
        var silence = 0.0
        var hasTold = false
        var heardAt: Int64?
        /// Places that it told last, less the jobs that were sent there since.
        var room = 0
        var roomAt: Int64?
        /// This node's own jobs that are under way there.
        var open = 0
        /// Jobs that it took, those that it did not take though it had told room, and what these weigh as lies.
        var taken = 0.0
        var refused = 0.0
        var lies = 0.0
        var refusedAt: Int64?
        /// Unix seconds of the last change.
        var at: Int64
    }

    /// Providers that are remembered at most.
    static let capacity = 1_024
    /// After so many seconds what is known counts half.
    static let halfLife = 3_600.0
    /// Statuses within so many seconds are one: a job takes that long.
    static let apart: Int64 = 5
    /// Of so many statuses the oldest is forgotten, so that who mends his ways is believed again.
    static let mostHeard = 16.0
    /// A status is no promise for longer than this, in seconds; and who was full is taken as full for as long.
    static let moment: Int64 = 10
    /// Who lies is taken to tell so much of his load.
    static let toldByLiars = 0.15
    /// Odds, as their logarithm, from which a word is doubted: 55 to one.
    static let doubt = 4.0
    /// So much of their slots those who are used must have in use before anybody is wondered at for being idle.
    static let busy = 0.25
    /// The most that silence about load speaks for a lie or against it, as logarithms of odds: those who really are idle
    /// would otherwise be sure of it in one afternoon.
    static let most = (for: 6.0, against: 5.0)
    /// What a refusal speaks for a lie, by the places that were told: one may be taken by another's job in the meantime,
    /// three hardly.
    static let weights = [0.3, 2.5, 3.0]
    /// What a job that was taken speaks against it, and all of them at most: who took ten and refused none is not doubted for
    /// silence alone, as he may be the favourite of few.
    static let honest = (each: 0.3, most: 3.0)

    /// So many jobs taken everybody begins with; and what a refusal takes from the worth: one in ten jobs about a half. Where
    /// all are nearly full all refuse now and then, and are worth less alike.
    static let credit = 3.0
    static let severity = 6.0

    private var records: [PublicKey: Record] = [:]
    /// What those tell, in the mean and for each slot, whom this node uses and does not doubt. Who never told a job is not
    /// one of them: where half are liars, they would be what is usual.
    private var typical = (told: 0.0, heard: 0.0)

    /// Providers that are remembered.
    var count: Int { records.count }

    init() {}

    /// Somebody told how it is.
    mutating func heard(_ status: ProviderStatus, now: Int64) {
        guard status.slots > 0 else { return }
        var record = aged(status.provider, now)
        let (sum, over) = status.busy.addingReportingOverflow(status.queued)
        let jobs = status.accepts && !over ? min(sum, status.slots) : status.slots
        record.room = status.slots - jobs
        record.roomAt = now
        if record.heardAt.map({ now - $0 >= Self.apart }) ?? true {
            record.heardAt = now
            record.hasTold = record.hasTold || jobs > 0
            if record.taken >= 0.5 { weigh(Double(jobs) / Double(status.slots), status.slots, in: &record) }
        }
        keep(record, of: status.provider)
    }

    /// What one status of somebody whom this node uses says: of his word, and of what is usual.
    private mutating func weigh(_ told: Double, _ slots: Int, in record: inout Record) {
        // Where a quarter is not in use each has his own friends, and there is little to gain by a lie.
        if typical.heard >= 8, typical.told >= Self.busy {
            // Both as Poisson: the jobs that are expected now of one who is used as others are, and those that were told.
            let places = Double(min(slots, 8))
            let odds =
                places * ((1 - Self.toldByLiars) * typical.told - told * log(1 / Self.toldByLiars))
            let before = record.silence * (1 - 1 / Self.mostHeard)
            record.silence = max(-Self.most.against, min(Self.most.for, before + odds))
        }
        guard record.hasTold, !isDoubted(record) else { return }
        typical.told += (told - typical.told) / (typical.heard + 1)
        typical.heard = min(typical.heard + 1, 100)
    }

    /// A job goes there: one place less than was told. ``ended(at:)`` follows, whatever comes of it.
    mutating func sent(to provider: PublicKey) {
        records[provider]?.room -= 1
        records[provider]?.open += 1
    }

    /// A job that was sent there is over.
    mutating func ended(at provider: PublicKey) {
        guard let open = records[provider]?.open else { return }
        records[provider]?.open = max(0, open - 1)
    }

    /// A job was answered there.
    mutating func took(_ provider: PublicKey, now: Int64) {
        var record = aged(provider, now)
        record.taken += 1
        record.refusedAt = nil
        keep(record, of: provider)
    }

    /// A job, which was sent there, was refused because there is no place. Nothing follows for who had not just told that
    /// there is one, nor for who works for this node already: whoever has places need not give them all to one.
    mutating func refused(by provider: PublicKey, now: Int64) {
        guard let known = records[provider], let told = known.roomAt, now - told <= Self.moment else {
            return
        }
        // Its own place was counted when the job was sent.
        let places = known.room + 1
        var record = aged(provider, now)
        record.refusedAt = now
        // One status is held against it once, however often it is asked again.
        record.roomAt = nil
        if places > 0, known.open <= 1 {
            record.refused += 1
            record.lies += Self.weights[min(places, Self.weights.count) - 1]
        }
        keep(record, of: provider)
    }

    /// What a provider's word is worth now.
    func word(of provider: PublicKey, now: Int64) -> LoadWord {
        guard records[provider] != nil else { return LoadWord() }
        let record = aged(provider, now)
        let kept = (record.taken + Self.credit) / (record.taken + Self.credit + record.refused)
        return LoadWord(
            isDoubted: isDoubted(record),
            isFull: record.refusedAt.map { now - $0 <= Self.moment } ?? false,
            worth: pow(kept, Self.severity))
    }

    private func isDoubted(_ record: Record) -> Bool {
        // Whom nobody uses is idle, and may say so.
        let silence = record.taken >= 0.5 ? record.silence : 0
        return record.lies + silence - min(Self.honest.most, Self.honest.each * record.taken) > Self.doubt
    }

    private func aged(_ provider: PublicKey, _ now: Int64) -> Record {
        guard var record = records[provider] else { return Record(at: now) }
        // A clock that was set back makes nothing younger.
        let fading = exp2(-Double(max(0, now - record.at)) / Self.halfLife)
        record.silence *= fading
        record.taken *= fading
        record.refused *= fading
        record.lies *= fading
        record.at = max(record.at, now)
        return record
    }

    private mutating func keep(_ record: Record, of provider: PublicKey) {
        records[provider] = record
        if records.count > Self.capacity, let oldest = records.min(by: { $0.value.at < $1.value.at }) {
            records[oldest.key] = nil
        }
    }
}
