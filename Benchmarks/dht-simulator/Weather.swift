// Ten million packets against one node: does it live, and does it grow?
// It must never call a run good in which the node held more than it may.

import DHTSimulation

/// The storm, and what the node held in it.
struct Weather {
    let packets: Int
    let seed: UInt64

    /// Prints ten lines; gives what was held beyond its bound.
    func report() -> [Verdict] {
        var storm = Storm(seed: seed)
        var most: [String: Int] = [:]
        let startedAt = Simulator.processorSeconds()
        var (first, last) = (0, 0)
        for part in 1...10 {
            storm.blow(max(1, packets / 10))
            let memory = Simulator.residentBytes()
            if part == 2 { first = memory }
            let held = storm.holdings
            print(
                "\(storm.given) packets in, \(storm.sent) out, \(memory / 1_048_576) MiB,",
                held.filter { $0.held > 0 }.map { "\($0.held) \($0.name)" }.joined(separator: ", "))
            for each in held { most[each.name] = max(most[each.name] ?? 0, each.held) }
            if part == 10 { last = memory }
        }
        let seconds = Simulator.processorSeconds() - startedAt
        print(
            "\(Simulator.decimal(Double(storm.given) / max(0.001, seconds), 0)) packets a CPU second, made and taken"
        )
        let grown = Double(last - first) / 1_048_576
        return storm.holdings.map { each in
            Verdict(
                "a node in a storm holds at most \(each.most) \(each.name)", "\(most[each.name] ?? 0)",
                kept: (most[each.name] ?? 0) <= each.most)
        } + [
            Verdict(
                "it grows by at most 32 MiB after the first fifth", "\(Simulator.decimal(grown, 0)) MiB",
                kept: grown <= 32)
        ]
    }
}
