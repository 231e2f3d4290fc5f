// `infernetctl publish`: this node's card and descriptor on the Nostr relays of the configuration.
// It must never call a relay's silence a success.

import ArgumentParser
import Interfaces
import Wire

struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Publishes this node's card and descriptor to the Nostr relays of peer.relays.",
        discussion: """
            The card says what is offered now, and the descriptor all that this node says of itself. Both are Nostr events;
            publishing them again replaces them. The card is valid until it expires.
            Exit code: 0 when every relay took both, 1 when one did not.
            """)

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let reply = try await global.node.call(AggregatorInterface.Publish(), at: .aggregator)
        let output = global.output
        if global.json {
            output.json(reply)
        } else {
            for outcome in reply.relays {
                let words = outcome.words.isEmpty ? "" : ": \(outcome.words)"
                output.line(
                    "\(outcome.relay)  \(outcome.accepted ? "took both" : "did not take both")\(words)")
            }
            output.line("The card is event \(reply.event).")
            output.line("The descriptor is event \(reply.descriptor).")
        }
        if !reply.relays.allSatisfy(\.accepted) { throw ExitStatus.failed }
    }
}
