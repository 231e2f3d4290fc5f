// The mutual authentication of two nodes as a state machine: events in, actions out (docs/protocol/peer.md).
// It must never let a request through before both keys are proved, nor sign for a stranger before the stranger has.

import NodeModel
import Nostr
import Wire

/// One side of one greeting. Pure: no sockets, no clock, no randomness of its own.
struct PeerHandshake: Sendable {
    /// Which side this is.
    enum Side: Sendable, Equatable {
        /// We dialled, and want this key and no other.
        case dialer(expected: PublicKey)
        /// We were dialled, by anybody.
        case listener
    }

    enum Event: Sendable {
        /// The WebSocket is open.
        case opened
        case message(PeerMessage)
        /// ledger-d signed our half.
        case signed(SignedEvent)
        case signingFailed(WireError)
        /// The time for the greeting is over.
        case deadline
    }

    enum Action: Sendable, Equatable {
        case send(PeerMessage)
        /// Ask ledger-d for our half.
        case sign(challenge: String, peer: PublicKey)
        /// Both keys are proved; requests may flow.
        case established(PublicKey)
        /// Say why (when `tell` is set) and close.
        case fail(WireError, tell: Bool)
    }

    private enum State: Sendable, Equatable {
        case idle
        case awaitingHello
        /// Listener: the other side's claim is known, its proof is not.
        case awaitingProof(peer: PublicKey, theirChallenge: String)
        /// ledger-d is signing; the listener has the other's proof, the dialer does not yet.
        case signing(peer: PublicKey)
        /// Dialer: our proof is sent, theirs is not here.
        case awaitingAnswer(peer: PublicKey)
        case done
        case failed
    }

    let side: Side
    /// Our own key.
    let own: PublicKey
    /// The endpoint that was dialled; for the listener, the one it advertises.
    let endpoint: String
    /// What the other side must sign.
    let challenge: String
    private var state = State.idle

    init(side: Side, own: PublicKey, endpoint: String, challenge: String) {
        self.side = side
        self.own = own
        self.endpoint = endpoint
        self.challenge = challenge
    }

    var isDialer: Bool { side != .listener }

    /// - Parameter now: Unix seconds.
    mutating func on(_ event: Event, now: Int64) -> [Action] {
        switch (event, state) {
        case (_, .failed), (.deadline, .done): return []
        case (.opened, .idle):
            state = .awaitingHello
            return [.send(.hello(version: PeerMessage.version, pubkey: own, challenge: challenge))]
        case (.deadline, _):
            return fail(.deadlineExceeded, "the peer did not prove its key in time", tell: true)
        case (.message(.refused(let code, let message)), _):
            return fail(.notPermitted, "the peer refused us (\(code)): \(message)", tell: false)
        case (.message(.hello(let version, let peer, let theirs)), .awaitingHello):
            return greeted(version, peer, theirs)
        case (.message(.auth(let event)), .awaitingProof(let peer, let theirs)):
            return proved(event, by: peer, now: now) ?? signFor(peer, theirs)
        case (.message(.auth(let event)), .awaitingAnswer(let peer)):
            return proved(event, by: peer, now: now) ?? finish(peer, [])
        case (.signed(let event), .signing(let peer)):
            guard event.pubkey == own else {
                return fail(.internalError, "ledger-d signed with another key than this node's", tell: false)
            }
            if isDialer {
                state = .awaitingAnswer(peer: peer)
                return [.send(.auth(event))]
            }
            return finish(peer, [.send(.auth(event))])
        case (.signingFailed(let error), .signing):
            state = .failed
            return [
                .send(
                    .refused(
                        code: ErrorCode.unavailable.rawValue, message: "this node cannot sign at the moment")),
                .fail(error, tell: false),
            ]
        case (.message, _):
            return fail(.invalidEnvelope, "the greeting's messages are out of order", tell: true)
        case (.opened, _), (.signed, _), (.signingFailed, _): return []
        }
    }

    private mutating func greeted(_ version: Int, _ peer: PublicKey, _ theirs: String) -> [Action] {
        guard version == PeerMessage.version else {
            return fail(
                .versionMismatch, "the peer speaks version \(version), this build \(PeerMessage.version)",
                tell: true)
        }
        guard peer != own else {
            return fail(.notPermitted, "the peer claims this node's own key", tell: true)
        }
        // An echo of our own challenge would have us sign what we are to check.
        guard theirs != challenge else {
            return fail(.notPermitted, "the peer gave our challenge back", tell: true)
        }
        if case .dialer(let expected) = side {
            guard peer == expected else {
                return fail(
                    .verificationFailed,
                    "\(endpoint) answers as \(peer.hex), not as \(expected.hex) of the card",
                    tell: true)
            }
            return signFor(peer, theirs)
        }
        state = .awaitingProof(peer: peer, theirChallenge: theirs)
        return []
    }

    private mutating func signFor(_ peer: PublicKey, _ theirs: String) -> [Action] {
        state = .signing(peer: peer)
        return [.sign(challenge: theirs, peer: peer)]
    }

    /// - Returns: nil when the proof holds.
    private mutating func proved(_ event: SignedEvent, by peer: PublicKey, now: Int64) -> [Action]? {
        let side: PeerAuthentication.Side = isDialer ? .listener : .dialer
        guard
            let bound = PeerAuthentication(endpoint: endpoint, challenge: challenge, reader: own, side: side)
        else {
            return fail(.configInvalid, "'\(endpoint)' is not an endpoint", tell: false)
        }
        do { try bound.check(event, author: peer, now: now) } catch {
            return fail(.verificationFailed, "\(error)", tell: true)
        }
        return nil
    }

    private mutating func finish(_ peer: PublicKey, _ first: [Action]) -> [Action] {
        state = .done
        return first + [.established(peer)]
    }

    private mutating func fail(_ code: ErrorCode, _ message: String, tell: Bool) -> [Action] {
        state = .failed
        return [.fail(WireError(code, "The greeting failed: \(message)."), tell: tell)]
    }
}
