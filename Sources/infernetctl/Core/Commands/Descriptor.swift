// `infernetctl descriptor PROVIDER`: all that a provider says of itself, asked of its own node.
// It must never take another's word for it.

import ArgumentParser
import Interfaces
import NodeModel
import Nostr
import Wire

struct Descriptor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows all that a provider says of itself: hardware, models, prices, addresses.",
        discussion:
            "The provider's card is looked up, and its own node is asked; the signature is checked here.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The provider's key, as npub or in hexadecimal.")
    var provider: String

    func validate() throws {
        guard PublicKey(npubOrHex: provider) != nil else {
            throw ValidationError(
                "'\(provider.prefix(80))' is no npub and no key of 64 hexadecimal characters.")
        }
    }

    func run() async throws {
        let node = global.node
        guard let key = PublicKey(npubOrHex: provider) else { throw ExitStatus.failed }
        let reply = try await node.call(DHTInterface.Find(model: "", provider: key, limit: 1), at: .dht)
        guard let event = reply.cards.first(where: { $0.pubkey == key }), (try? event.verify()) != nil,
            let card = ProviderCard(event)
        else {
            throw WireError(
                .notFound, "No card of \(key.npub) is in the network.",
                fix: "Cards live for at most half an hour: is that node running?")
        }
        let view = try await DescriptorView.fetch(card, node)
        let output = global.output
        if global.json {
            output.json(view)
        } else {
            output.line(output.style.bold(key.npub))
            view.lines(output.style).forEach(output.line)
        }
        if view.descriptor == nil { throw ExitStatus.failed }
    }
}
