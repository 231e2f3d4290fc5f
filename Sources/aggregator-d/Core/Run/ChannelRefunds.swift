// What is left in a channel: asked of the provider by this node's people, and given back at a client's request.
// It must never ask before ledger-d has set the money aside, nor judge a request itself: ledger-d does.

import IPC
import Interfaces
import NodeModel
import Wire

struct ChannelRefunds: Sendable {
    let house: Workplace

    /// Asks a provider for what is left.
    func ask(_ request: AggregatorInterface.AskRefund) async throws -> LedgerInterface.Payment {
        let endpoint = try await endpoint(request.provider)
        let asked = try await house.links.ledger.call(LedgerInterface.AskRefund(channel: request.channel))
        _ = try await house.links.ws.call(
            WSInterface.AskRefund(
                endpoint: endpoint, provider: request.provider,
                refund: PeerInterface.Refund(request: asked.request)))
        return asked.payment
    }

    /// A client asks this node.
    func give(_ request: AggregatorInterface.Refund) async throws -> PeerInterface.Refund.Reply {
        try await house.links.ledger.call(
            LedgerInterface.GiveRefund(client: request.peer, request: request.refund.request))
    }

    /// Where a provider is: by a card that is known, or by one of a model that it did jobs with.
    private func endpoint(_ provider: PublicKey) async throws -> String {
        if let known = house.withBook({ $0.endpoint(provider) }) { return known }
        let records = try await house.journal.records(limit: 500)
        var models: [String] = []
        for record in records where record.peer == provider && !models.contains(record.model) {
            models.append(record.model)
        }
        for model in models.prefix(3) {
            _ = try? await house.plan(model: model, pin: provider, trace: nil, seed: 0, asking: .always)
            if let known = house.withBook({ $0.endpoint(provider) }) { return known }
        }
        throw WireError(
            .noProvider, "The provider \(provider.hex.prefix(16)) cannot be found now.",
            fix: "Try again when it is there: 'infernetctl find MODEL'.")
    }
}
