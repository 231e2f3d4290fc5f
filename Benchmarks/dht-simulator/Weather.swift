// Ten million packets against one node: does it live, and does it grow?
// It must never call a run good in which the node held more than it may.

import DHTSimulation

/// The storm, and what the node held in it.
struct Weather {
    let packets: Int
    let seed: UInt64

    /// Prints ten lines; gives what was held beyond its bound.
    func report() -> [String] {
        var storm = Storm(seed: seed)
        var missed: [String] = []
        let startedAt = Simulator.processorSeconds()
        var first = 0
        for part in 1...10 {
            storm.blow(max(1, packets / 10))
            let memory = Simulator.residentBytes()
            if part == 2 { first = memory }
            let held = storm.holdings
            print(
                "\(storm.given) packets in, \(storm.sent) out, \(memory / 1_048_576) MiB,",
                held.filter { $0.held > 0 }.map { "\($0.held) \($0.name)" }.joined(separator: ", "))
            missed += held.filter { $0.held > $0.most }.map { "\($0.held) \($0.name), at most \($0.most)" }
            if part == 10, memory > first + 33_554_432 { missed.append("the node grew by more than 32 MiB") }
        }
        let seconds = Simulator.processorSeconds() - startedAt
        print(
            "\(Simulator.decimal(Double(storm.given) / max(0.001, seconds), 0)) packets a CPU second, made and taken"
        )
        return missed
    }
}
