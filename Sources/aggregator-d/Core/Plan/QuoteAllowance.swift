// How many quotes strangers get: each costs this node a signature, and no stranger anything.
// It must never hold more strangers than it was made for, nor let one of them use up what is there for all.

import NodeModel

/// What is left of each stranger's quotes, and of all strangers' together. Pure: the time comes with each question.
struct QuoteAllowance: Sendable {
    /// At once, and each second from then on: for one client, and for all.
    static let one = (burst: 32.0, each: 8.0)
    static let all = (burst: 256.0, each: 64.0)
    /// Whom it remembers at most. Who is forgotten has a new beginning, within what is there for all.
    static let mostClients = 1_024

    private struct Bucket {
        var left: Double
        var at: Int64

        /// Takes one; else says in how many milliseconds there is one.
        mutating func take(_ rate: (burst: Double, each: Double), at: Int64) -> Int? {
            left = min(rate.burst, left + Double(max(0, at - self.at)) / 1000 * rate.each)
            self.at = at
            guard left < 1 else {
                left -= 1
                return nil
            }
            return Int((1 - left) / rate.each * 1000) + 1
        }
    }

    private var clients: [PublicKey: Bucket] = [:]
    private var whole = Bucket(left: Self.all.burst, at: 0)

    /// Takes one quote.
    ///
    /// - Parameter at: milliseconds of a clock that does not go back.
    /// - Returns: nil when there is one; else after how many milliseconds to ask again.
    mutating func take(_ client: PublicKey, at: Int64) -> Int? {
        if clients[client] == nil, clients.count >= Self.mostClients {
            // Those whose allowance is whole again are as good as unknown.
            clients = clients.filter { at - $0.value.at < Int64(Self.one.burst / Self.one.each * 1000) }
            if clients.count >= Self.mostClients { return 1_000 }
        }
        var own = clients[client] ?? Bucket(left: Self.one.burst, at: at)
        if let wait = own.take(Self.one, at: at) {
            clients[client] = own
            return wait
        }
        clients[client] = own
        return whole.take(Self.all, at: at)
    }
}
