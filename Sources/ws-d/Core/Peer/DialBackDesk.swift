// Dials a node back that asks for it, and has others dial this one.
// It must never dial on a word alone: only where the asker's session comes from, and no longer than its deadline.

import IPC
import Interfaces
import Logging
import NIOCore
import NIOPosix
import NodeConfig
import NodeModel
import Wire

/// Calls back, one after the other asked for.
// Touched on the one event loop only.
final class DialBackDesk: @unchecked Sendable {  // see above
    private var rules = DialBackRules()
    /// How long one call back may take at most; less than its asker waits.
    private static let deadlineMs = 6_000

    /// Dials the peer of a session at the address that the session comes from, greets it, and hangs up.
    func serve(
        _ request: PeerInterface.DialBack, _ peer: PublicKey, at observed: SocketAddress?, _ hub: PeerHub
    ) async throws -> DialBackReport {
        let endpoint = try PeerEndpoint(request.endpoint)
        guard let observed, let host = observed.ipAddress else {
            throw WireError(.unavailable, "It is not known where this session comes from.")
        }
        let text = { (address: SocketAddress) in PeerConnection.text(address) }
        guard let target = DialBackRules.target(observed, endpoint, own: hub.limits.advertise) else {
            return DialBackReport(outcome: .notDialled, dialled: text(observed))
        }
        try rules.begin(peer, at: host, now: NIODeadline.now().uptimeNanoseconds)
        defer { rules.ended() }
        let own = try await hub.identity().get()
        let outcome = try await dial(endpoint.at(target), peer, own, hub).get()
        hub.log.info(
            "dialled back",
            metadata: [
                "peer": "\(peer.hex.prefix(16))", "address": "\(text(target))",
                "outcome": "\(outcome.rawValue)",
            ])
        return DialBackReport(outcome: outcome, dialled: text(target))
    }

    private func dial(
        _ endpoint: PeerEndpoint, _ peer: PublicKey, _ own: PublicKey, _ hub: PeerHub
    ) -> EventLoopFuture<DialBackOutcome> {
        let promise = hub.loop.makePromise(of: DialBackOutcome.self)
        let patience = min(Self.deadlineMs, hub.limits.handshakeTimeoutMs)
        let timer = hub.loop.scheduleTask(in: .milliseconds(Int64(patience))) {
            promise.succeed(.noAnswer)
        }
        PeerDialer.attempt(endpoint, provider: peer, own: own, hub).whenComplete { result in
            timer.cancel()
            switch result {
            case .success(let session):
                session.close()
                promise.succeed(.reached)
            case .failure(let error): promise.succeed(Self.outcome(error))
            }
        }
        return promise.futureResult
    }

    /// What a dial that failed says of the other side.
    static func outcome(_ error: any Error) -> DialBackOutcome {
        switch error {
        case let wire as WireError:
            switch wire.code {
            case .verificationFailed: .otherKey
            case .deadlineExceeded: .noAnswer
            default: .noNode
            }
        case is NIOConnectionError, is ChannelError, is IOError: .noConnection
        default: .noNode
        }
    }
}

extension PeerPool {
    /// Has other nodes dial this one back, at once: those that are connected to already, then the candidates.
    func dialBack(
        _ request: WSInterface.DialBack, deadlineMs: Int
    ) async throws -> WSInterface.DialBack.Reply {
        let endpoint = announced
        guard !endpoint.isEmpty else { return WSInterface.DialBack.Reply(endpoint: "", answers: []) }
        let own = try await ownKey()
        var asked: [WSInterface.DialBack.Candidate] = []
        for candidate in connected + request.candidates
        where candidate.provider != own && !asked.contains(where: { $0.provider == candidate.provider }) {
            asked.append(candidate)
        }
        let answers = await withTaskGroup(of: (Int, WSInterface.DialBack.Answer).self) { group in
            for (place, candidate) in asked.prefix(WSInterface.DialBack.most).enumerated() {
                group.addTask {
                    (place, await self.answer(candidate, endpoint, deadlineMs: deadlineMs))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        return WSInterface.DialBack.Reply(
            endpoint: endpoint, answers: answers.sorted { $0.0 < $1.0 }.map(\.1))
    }

    private func answer(
        _ candidate: WSInterface.DialBack.Candidate, _ endpoint: String, deadlineMs: Int
    ) async -> WSInterface.DialBack.Answer {
        do {
            let report = try await ask(
                PeerInterface.DialBack(endpoint: endpoint), candidate.provider, candidate.endpoint, deadlineMs
            )
            return WSInterface.DialBack.Answer(provider: candidate.provider, report: report)
        } catch {
            return WSInterface.DialBack.Answer(
                provider: candidate.provider, problem: WireError.wrapping(error).message)
        }
    }
}
