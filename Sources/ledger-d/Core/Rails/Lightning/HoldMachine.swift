// What is done next with an invoice whose payment is held, as a pure decision: what is stored and what the backend claims in,
// one action out. It must never give up what was revealed while it may still be taken, nor hold to the end of the blocks.

/// An invoice on a client's hash, with the provider.
struct HoldMachine: Sendable {
    enum State: String, Sendable, CaseIterable {
        /// The hash is on disk, and no invoice yet.
        case asked
        case open
        /// It is paid, and the payment waits.
        case held
        /// It is to be given back.
        case cancelling
        case settled, cancelled, expired

        var isOver: Bool { self == .settled || self == .cancelled || self == .expired }

        /// Whether `next` may follow. What is over stays so.
        func mayBecome(_ next: State) -> Bool {
            switch (self, next) {
            case (.settled, _), (.cancelled, _), (.expired, _), (_, .asked): false
            case (.asked, .open), (.open, .held), (_, .cancelling): self != next
            case (_, .open), (_, .held): false
            case (_, .settled), (_, .cancelled), (_, .expired): true
            }
        }
    }

    enum Action: Hashable, Sendable {
        /// Write down that it is held.
        case hold
        /// Take it, with the preimage that was revealed.
        case settle
        /// Give it back; why.
        case cancel(String)
        /// It was taken; the preimage where the backend shows one.
        case settled([UInt8]?)
        case end(State, String)
        case wait(String)
    }

    /// What is asked of invoices: about a day, which is far longer than anything is held.
    static let blocks: Int64 = 144
    /// The most that this node lets another's invoice ask for, as a payer: so long its money may be away at worst.
    static let mostBlocks: UInt64 = 576
    /// So many blocks before a payment's end it is given back, or must have been taken.
    static let margin: Int64 = 18
    /// How long an invoice may be being made, in seconds.
    static let making: Int64 = 60
    /// How long "unknown" is not believed, in seconds.
    static let patience: Int64 = 600
    /// The longest that any provider holds a payment, in seconds, by the bounds of its configuration.
    static let longest: Int64 = 7_200
    /// After so many seconds no payment is under way any more, whatever a payee does: blocks of two weeks.
    static let dead: Int64 = 14 * 86_400

    let state: State
    /// Since when it is in this state, in Unix seconds.
    let since: Int64
    let isRevealed: Bool
    /// When the invoice runs out; nil while there is none.
    let expiresAt: Int64?
    /// How long it may be held, in seconds.
    let holdSeconds: Int64

    /// - Parameters:
    ///   - claim: the answer to a look-up that was made now.
    ///   - height: the last block, where the claim names one.
    ///   - proves: whether a preimage is that of the hash.
    ///   - now: Unix seconds.
    func next(
        _ claim: LightningClaim, height: Int64?, now: Int64, proves: ([UInt8]) -> Bool
    ) -> Action {
        if case .paid(let preimage, _) = claim {
            // Nobody could take it without the preimage, which is shown, or was revealed to this node.
            guard preimage.map(proves) ?? isRevealed else {
                return .wait(
                    "the preimage: the backend says that it was taken, and shows nothing that proves it")
            }
            return .settled(preimage)
        }
        switch state {
        case .asked:
            return now >= since + Self.making
                ? .cancel("no invoice came of it") : .wait("the backend to make the invoice")
        case .open: return whileOpen(claim, now: now)
        case .held: return whileHeld(claim, height: height, now: now)
        case .cancelling:
            switch claim {
            case .failed, .unknown: return .end(.cancelled, "given back")
            default: return .cancel("")
            }
        case .settled, .cancelled, .expired: return .wait("nothing")
        }
    }

    private func whileOpen(_ claim: LightningClaim, now: Int64) -> Action {
        let end = expiresAt ?? since
        switch claim {
        case .held: return .hold
        case .failed where now >= end: return .end(.expired, "the invoice ran out, and nobody paid it")
        case .unknown where now >= end + Self.patience:
            return .end(.expired, "the invoice ran out, and the backend knows nothing of it")
        case .failed, .unknown: return .wait("the end of the invoice, of which the backend knows nothing")
        default:
            return now >= end + Self.making
                ? .cancel("the invoice ran out, and nobody paid it") : .wait("the client's payment")
        }
    }

    private func whileHeld(_ claim: LightningClaim, height: Int64?, now: Int64) -> Action {
        switch claim {
        case .held(let end):
            if isRevealed { return .settle }
            if let end, let height, height + Self.margin >= end {
                return .cancel("its end is \(max(0, end - height)) blocks away")
            }
            return now >= since + holdSeconds
                ? .cancel("nothing was revealed in \(holdSeconds) s")
                : .wait("the client to accept an answer, and to reveal the preimage")
        case .failed(let why):
            return isRevealed
                ? .end(.expired, "it went back before it was taken: \(why)")
                : .end(.cancelled, "it went back: \(why)")
        case .unknown where now >= since + holdSeconds + Self.patience:
            return .end(.expired, "the backend knows nothing of it any more")
        default:
            return isRevealed
                ? .settle
                : now >= since + holdSeconds
                    ? .cancel("the backend does not say that it is held")
                    : .wait("the backend, which does not say that it is held")
        }
    }
}
