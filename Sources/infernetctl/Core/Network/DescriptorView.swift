// A provider's descriptor: fetched through this node's dht-d, verified here, and put into lines for people.
// It must never show what its provider did not sign.

import Interfaces
import NodeModel
import Nostr
import Wire

/// What is known of one provider in full.
struct DescriptorView: Encodable, Sendable {
    var descriptor: ProviderDescriptor?
    /// Why there is none.
    var problem: String?

    /// Asks the provider of a card at the address that the card names.
    static func fetch(_ card: ProviderCard, _ node: Node) async throws -> DescriptorView {
        guard let address = card.statusAddress else {
            return DescriptorView(problem: "its card names no address to ask")
        }
        let reply = try await node.call(
            DHTInterface.Describe(provider: card.provider, address: address), at: .dht)
        guard let event = reply.descriptor else { return DescriptorView(problem: reply.problem ?? "none") }
        guard event.pubkey == card.provider, (try? event.verify()) != nil,
            let descriptor = try? ProviderDescriptor(unproven: event)
        else { return DescriptorView(problem: "it is not signed by it") }
        return DescriptorView(descriptor: descriptor)
    }

    /// The lines for people.
    func lines(_ style: Style) -> [String] {
        guard let descriptor else {
            return [style.dim("no descriptor: \(TerminalText.clean(problem ?? "unknown"))")]
        }
        var lines: [String] = []
        func fact(_ name: String, _ text: String) {
            let space = String(repeating: " ", count: max(1, 14 - name.count))
            lines.append("\(style.bold(name))\(space)\(TerminalText.clean(text))")
        }
        fact("made", Units.time(descriptor.createdAt * 1000))
        for endpoint in descriptor.endpoints { fact("endpoint", endpoint) }
        for address in descriptor.statusAddresses { fact("status", address) }
        for device in descriptor.devices {
            let driver = device.driver.map { ", driver \($0)" } ?? ""
            fact(
                "device",
                "\(device.kind): \(device.name), \(Units.bytes(Int64(clamping: device.memoryMiB) << 20))\(driver)"
            )
        }
        if let interconnect = descriptor.interconnect { fact("interconnect", interconnect) }
        fact("slots", "\(descriptor.slots)")
        if let image = descriptor.image { fact("engine", image) }
        if let payTo = descriptor.payTo { fact("paid at", payTo.address) }
        for model in descriptor.models {
            let price = Units.price(model.price)
            let details = model.details.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            fact(
                "model",
                ([
                    model.name, Units.bytes(model.size), "\(model.context) tokens", price,
                    "root \(model.root.hex)",
                ] + details).joined(separator: ", "))
        }
        fact("attestation", descriptor.attestation.map(\.kind) ?? "none")
        return lines
    }
}
