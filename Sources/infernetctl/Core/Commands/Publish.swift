// `infernetctl publish`: this node's card on the Nostr relays of the configuration.
// It must never call a relay's silence a success.

import ArgumentParser
import Interfaces
import Wire

struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Publishes this node's card to the Nostr relays of peer.relays.",
        discussion: """
            The card is a Nostr event, valid until it expires; publishing it again replaces it.
            Exit code: 0 when every relay took it, 1 when one did not.
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
                output.line("\(outcome.relay)  \(outcome.accepted ? "took it" : "did not take it")\(words)")
            }
            output.line("The card is event \(reply.event).")
        }
        if !reply.relays.allSatisfy(\.accepted) { throw ExitStatus.failed }
    }
}
