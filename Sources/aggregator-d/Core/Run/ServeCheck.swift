// Whether a stranger's job is one that this node offered to do. Pure; nothing of it is written down before it passes.
// It must never take a job on other terms than the card's.

import Interfaces
import NodeModel
import Wire

enum ServeCheck {
    /// The terms on which this node works.
    struct Terms: Sendable {
        var provide: Bool
        var prices: PriceList
        var local: LocalView
    }

    /// What a stranger wants: a job, or its price.
    struct Wish: Sendable {
        var model: String
        var modelRoot: ContentRoot
        var maxTokens: Int
        var unitPrice: UnitPrice
    }

    /// The model of a job that can be taken.
    /// - Throws: why it cannot.
    static func entry(
        _ serve: AggregatorInterface.Serve, _ terms: Terms
    ) throws(WireError) -> ContentInterface.Entry {
        let job = serve.job
        guard terms.provide else { throw WireError(.policyRefused, "This node does not work for others.") }
        guard job.payload.sender == serve.peer else {
            throw WireError(
                .notPermitted, "The request is sealed by another key than the one that connected.")
        }
        return try entry(
            Wish(
                model: job.model, modelRoot: job.modelRoot, maxTokens: job.maxTokens,
                unitPrice: job.unitPrice), terms)
    }

    /// The model with which a wish can be met.
    /// - Throws: why it cannot.
    static func entry(_ job: Wish, _ terms: Terms) throws(WireError) -> ContentInterface.Entry {
        guard terms.provide else { throw WireError(.policyRefused, "This node does not work for others.") }
        guard job.maxTokens >= 1 else {
            throw WireError(
                .invalidRequest, "An answer has one token at least, not \(job.maxTokens).",
                fix: "Ask for 'max_tokens' of 1 or more.")
        }
        guard let entry = terms.local.entry(job.modelRoot.hex), entry.root == job.modelRoot else {
            if case .failure(let error) = terms.local.entries {
                throw WireError(
                    .unavailable, "This provider's store cannot be asked.", cause: "\(error.code)")
            }
            throw WireError(.modelNotFound, "This provider has no model with the root \(job.modelRoot).")
        }
        guard entry.name == job.model else {
            throw WireError(.modelNotFound, "This provider knows \(job.modelRoot) as '\(entry.name)'.")
        }
        if let obstacle = terms.local.obstacle {
            throw WireError(
                .engineUnavailable, "This provider's engine cannot run now.", cause: "\(obstacle.code)")
        }
        let price = terms.prices.of(entry.name)
        guard job.unitPrice == price else {
            throw WireError(
                .conflict,
                "The price has changed: it is \(price.prompt)+\(price.completion).",
                fix: "Read the provider's newest card and ask again.")
        }
        return entry
    }
}
