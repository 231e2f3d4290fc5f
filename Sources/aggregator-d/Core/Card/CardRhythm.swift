// When the keeper of this node's card looks around again. Pure: what it saw goes in, a pause comes out.
// It must never look more often than every few seconds for long: each look asks three daemons.

/// Pauses between two looks: short ones while the card has not got into the network, for what stood in its way at a start has
/// often gone a moment later; then always the same.
struct CardRhythm: Sendable {
    /// The first pause while there is no card in the network; each one after it is twice as long.
    static let shortest = Duration.milliseconds(250)

    /// The pause while all is well, and the longest.
    let usual: Duration
    private var next = CardRhythm.shortest

    init(usual: Duration) { self.usual = usual }

    /// The pause after a look. `isSettled`: another node has the card.
    mutating func pause(isSettled: Bool) -> Duration {
        guard !isSettled else {
            next = Self.shortest
            return usual
        }
        defer { next = min(next * 2, usual) }
        return min(next, usual)
    }
}
