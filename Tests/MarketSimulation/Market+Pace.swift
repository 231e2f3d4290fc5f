// How time passes in the market: in rounds, or with jobs that overlap and statuses that are old when they are used.
// It must never tell a choice more of a provider's load than the provider said.

import NodeModel

@testable import AggregatorCore

extension Market {
    /// How jobs follow each other.
    public enum Pace: Sendable {
        /// All jobs of a round are over before the next one, and clients come in one order: the first finds all idle.
        case rounds
        /// Clients come in any order, and a job lasts until as many others have come as there are clients, half as many or
        /// half as many more. A status is as old as so many jobs: that is the race that honest providers lose, too.
        case flowing(late: Int)
    }

    /// In which order clients come in a round.
    mutating func order() -> [Int] {
        var order = Array(clients.indices)
        guard case .flowing = pace else { return order }
        for place in order.indices.reversed() {
            order.swapAt(place, Int(next() % UInt64(place + 1)))
        }
        return order
    }

    /// Lets the time of one job pass.
    mutating func pass() {
        guard case .flowing(let late) = pace else { return }
        step += 1
        for index in ends.removeValue(forKey: step) ?? [] { providers[index].busy -= 1 }
        loads.append(providers.map(\.busy))
        if loads.count > late + 1 { loads.removeFirst() }
    }

    /// How many jobs a provider had when it was asked.
    func load(_ index: Int) -> Int { loads.first?[index] ?? providers[index].busy }

    /// How long the next job lasts.
    mutating func lasting() -> Int { max(1, clients.count / 2 + Int(next() % UInt64(clients.count + 1))) }

    /// Of how many of the pairs of a client and an honest provider, and of a liar, the client doubts the provider's word.
    public var doubted: (honest: Double, liars: Double) {
        func share(_ of: (Provider) -> Bool) -> Double {
            let asked = providers.filter(of)
            let count = clients.reduce(0) { sum, client in
                sum + asked.count { client.words.word(of: $0.key, now: now).isDoubted }
            }
            return Double(count) / Double(max(1, asked.count * clients.count))
        }
        return (share { $0.kind == .honest }, share { $0.kind.lies })
    }
}
