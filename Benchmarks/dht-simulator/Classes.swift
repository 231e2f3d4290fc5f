// What it costs to announce a card under its accelerator's class too, and whether it is found there.
// It must never count what a network without the providers sends anyway.

import DHTCore
import DHTSimulation
import NodeModel

/// Providers of one model each, with and without an accelerator.
struct Classes {
    let nodes: Int
    let seed: UInt64
    let options: VirtualNetwork.Options

    private static let providers = 200
    // Five providers of each: a search brings nine cards of one size at most, whatever its topic.
    private static let classes = 40
    private static let minute: Int64 = 60_000

    /// Prints a line for each; gives what is asked of them.
    func report() throws -> [Verdict] {
        let quiet = measure(nil).again
        tell("a CPU", measure { _ in "cpu" }, quiet)
        let measured = measure { "nvidia-class\($0 % Self.classes)" }
        tell("a GPU", measured, quiet)
        var network = measured.network
        var (found, both, queries) = (0, 0, 0)
        for number in 0..<Self.providers {
            guard let device = DeviceClass("nvidia-class\(number % Self.classes)") else { continue }
            let from = network.random.below(nodes)
            // Five providers have this device, and one of them this model.
            let report = try network.find(from, .device(device), limit: 16)
            found += report.cards.count
            queries += report.asked
            both += try network.find(from, .nameOnDevice("model-\(number)", device)).cards.count
        }
        let all = Self.providers * Self.providers / Self.classes
        let share = 100 * Double(found) / Double(all)
        print(
            "\(nodes) nodes: by class alone", Simulator.decimal(share, 2), "% of",
            "\(Self.providers / Self.classes) each,",
            Simulator.decimal(Double(queries) / Double(Self.providers), 1),
            "queries; by model and class \(both) of \(Self.providers)")
        return [
            Verdict(
                "\(nodes) nodes: at least 99 % are found by class", Simulator.decimal(share, 2),
                kept: share >= 99),
            Verdict(
                "\(nodes) nodes: at least 99 % are found by model and class", "\(both) of \(Self.providers)",
                kept: 100 * both >= 99 * Self.providers),
        ]
    }

    /// Packets of all first announcements with their first repetition, and of another repetition five minutes later.
    private func measure(_ device: ((Int) -> String)?) -> (network: VirtualNetwork, first: Int, again: Int) {
        var network = VirtualNetwork.settled(nodes, seed: seed, options: options)
        let before = network.packets
        if let device {
            for number in 0..<Self.providers {
                var card = TestCards.card(number, created: network.moment.unixSeconds)
                card.models[0].name = "model-\(number)"
                card.models[0].root = TestCards.root("model-\(number)")
                card.device = device(number)
                let event = TestCards.fakeSigned(card)
                _ = network.begin(number * nodes / Self.providers) { .announce(event, $0) }
                network.run(20)
            }
        }
        network.run(Self.minute)
        let first = network.packets - before
        network.run(3 * Self.minute)
        let middle = network.packets
        network.run(3 * Self.minute)
        return (network, first, network.packets - middle)
    }

    private func tell(_ name: String, _ measured: (VirtualNetwork, first: Int, again: Int), _ quiet: Int) {
        print(
            "\(nodes) nodes, cards of one model and \(name): packets of an announcement with its first repetition",
            "\(measured.first / Self.providers), of a later one \((measured.again - quiet) / Self.providers)")
    }
}
