// dht-simulator: runs the product's DHT core in virtual time and prints a table beside independent figures.
// It must never use another core than dht-d's, nor call a run good that missed a target.

public import ArgumentParser
import DHTCore
public import DHTSimulation
import Glibc

@main
struct Simulator: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dht-simulator", abstract: "dht-d's core in a seeded network in virtual time.",
        discussion: "The same arguments give the same figures, but for the seconds and the memory.")

    @Option(help: "Sizes of the network.") var nodes: [Int] = [1000]
    @Option(help: "Percent of the nodes that die at once, right before the searches.")
    var dead: [Int] = [0, 30, 50]
    @Option(help: "Searches per row.") var searches = 1000
    @Option(help: "The seed.") var seed: UInt64 = 1
    @Option(help: "joined (over the wire) or settled (full tables from the beginning).")
    var growth: Trial.Growth = .settled
    @Option(help: "Percent of the nodes behind a NAT.") var nat = 0
    @Option(help: "Percent of the nodes that have IPv6 alone.") var six = 0
    @Option(help: "Percent of the nodes that have IPv4 and IPv6.") var dual = 0
    @Option(help: "Percent of the packets that are lost.") var loss = 1.0
    @Flag(help: "Also: nodes that come and go for an hour, and how long the dead are found.") var life = false
    @Flag(help: "Also: what an idle network sends.") var idle = false
    @Flag(help: "Also: what a ring of liars can hide, and nothing else of the attacks.") var ring = false
    @Option(help: "Disjoint paths of an announcement that is repeated.") var again = 6
    @Option(help: "Disjoint paths to evidence.") var words = 6
    @Flag(help: "A card is not announced a second time at once.") var once = false
    @Flag(help: "Also: what announcing a device's class costs.") var classes = false
    @Flag(help: "Also: nodes behind a NAT that are not told so.") var hidden = false
    @Flag(help: "Also: searches for a model that many provide.") var crowds = false
    @Flag(help: "Also: what liars can hide.") var attacks = false
    @Flag(help: "Also: evidence on providers, when nodes die and when liars hide it.") var evidence = false
    @Flag(help: "Also: what bad providers take from clients that choose as aggregator-d does.") var market =
        false
    @Option(help: "Instead of all this: so many packets of all kinds against one node.") var storm = 0
    @Flag(help: "End with 1 when a target was missed.") var check = false

    private static let head =
        "   nodes dead growth    found %    (ref) | queries p95  (ref)   | ms p50  p95  (ref)       | table"
        + " | KiB/node  CPU s"

    func run() throws {
        if storm > 0 { return try tell(Weather(packets: storm, seed: seed).report()) }
        var verdicts: [Verdict] = []
        print(Self.head)
        for count in nodes {
            for share in dead { verdicts += try row(count, share) }
            if attacks || ring {
                let searches = min(searches, 300)
                let trial = Attacks(nodes: count, searches: searches, seed: seed, options: options)
                verdicts += try attacks ? trial.report() : trial.ring()
            }
            if evidence { verdicts += try Words(nodes: count, seed: seed, options: options).report() }
            if classes { verdicts += try Classes(nodes: count, seed: seed, options: options).report() }
            if hidden { verdicts += try Hidden(nodes: count, seed: seed, options: options).report() }
            if crowds { verdicts += try Crowds(nodes: count, seed: seed, options: options).report() }
            if idle { verdicts.append(Life(nodes: count, seed: seed, options: options).quiet()) }
            if life { verdicts += try Life(nodes: count, seed: seed, options: options).report() }
        }
        if market { verdicts += Bazaar(seed: seed).report() }
        try tell(verdicts)
    }

    private func tell(_ verdicts: [Verdict]) throws {
        for verdict in verdicts { print(verdict.line) }
        if (check || storm > 0) && !verdicts.allSatisfy(\.kept) { throw ExitCode(1) }
    }

    private var options: VirtualNetwork.Options {
        var options = VirtualNetwork.Options()
        options.natShare = Double(nat) / 100
        options.loss = loss / 100
        (options.sixShare, options.dualShare) = (Double(six) / 100, Double(dual) / 100)
        options.configuration.paths.again = again
        options.configuration.paths.evidence = words
        options.configuration.announcesTwice = !once
        return options
    }

    private func row(_ count: Int, _ share: Int) throws -> [Verdict] {
        let (startedAt, memory) = (Self.processorSeconds(), Self.residentBytes())
        let trial = Trial(
            nodes: count, dead: Double(share) / 100, searches: searches, seed: seed, growth: growth,
            options: options)
        var network = trial.network()
        let outcome = try trial.measure(&network)
        let perNode = max(0, Self.residentBytes() - memory) / count / 1024
        let reference = Reference.row(nodes: count, dead: share)
        let queriesP95 = Trial.Outcome.percentile(95, of: outcome.queries) ?? 0
        let p50 = Trial.Outcome.percentile(50, of: outcome.times) ?? 0
        let p95 = Trial.Outcome.percentile(95, of: outcome.times) ?? 0
        print(
            Self.pad("\(count)", 8), Self.pad("\(share) %", 5), growth.rawValue,
            Self.pad(Self.decimal(100 * outcome.share, 2), 10),
            Self.pad(reference.map { Self.decimal($0.found, 1) } ?? "-", 8), "|",
            Self.pad(Self.decimal(outcome.meanQueries, 1), 7), Self.pad("\(queriesP95)", 3),
            Self.pad(reference.map { "\($0.queries)/\($0.queriesP95)" } ?? "-", 8), "|",
            Self.pad("\(p50)", 6), Self.pad("\(p95)", 5),
            Self.pad(reference.map { "\($0.p50)/\($0.p95)" } ?? "-", 12), "|",
            Self.pad(Self.decimal(outcome.known, 0), 5), "|", Self.pad("\(perNode)", 8),
            Self.pad(Self.decimal(Self.processorSeconds() - startedAt, 1), 6))
        return Targets.judge(count, share, outcome, p95: p95)
    }

    static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    static func decimal(_ value: Double, _ digits: Int) -> String {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let whole = Int((value * Double(scale)).rounded())
        guard digits > 0 else { return "\(whole)" }
        let rest = "\(whole % scale)"
        return "\(whole / scale)." + String(repeating: "0", count: digits - rest.count) + rest
    }

    static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// What the process holds in memory now; 0 when the system does not say.
    static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4096 : 0
    }
}

extension Trial.Growth: ExpressibleByArgument {}
