// What attackers achieve against the choice of providers, beside choosing at random and beside an oracle.
// It must never count an attack that the choice could see through by other means than it has.

import Glibc
import MarketSimulation

/// The attacks on the market, one line each.
struct Bazaar {
    let seed: UInt64

    private static let attacks: [Market.Kind] = [.fails, .whitewashes, .betrays, .liesAboutLoad]

    /// Prints a line for each attack; gives what is asked of them.
    func report() -> [Verdict] {
        print(
            "100 providers, 20 clients, jobs 101 to 250 of each; first attempts lost, and jobs lost, in percent"
        )
        print("  attackers                     |  ours   chance   oracle |  ours   chance")
        let alone = Self.attacks.flatMap { kind in [0.1, 0.3, 0.5].map { losses(kind, $0) } }
        return alone + loads() + words() + fakes() + [ring()]
    }

    private func losses(_ kind: Market.Kind, _ share: Double) -> Verdict {
        // Who lies about his load gains something only where there is load: three clients for every eight slots.
        let clients = kind == .liesAboutLoad ? 150 : 20
        func lost(_ choice: Market.Choice) -> Market.Losses {
            var market = Market(seed: seed, providers: 100, clients: clients, share: share, kind)
            _ = market.lost(rounds: 100, by: choice)
            return market.lost(rounds: 150, by: choice)
        }
        let (ours, random, oracle) = (lost(.ours), lost(.random), lost(.oracle))
        func percent(_ share: Double, _ width: Int) -> String {
            Simulator.pad(Simulator.decimal(100 * share, 1), width)
        }
        let name = "\(Int(share * 100)) % \(kind.rawValue)"
        print(
            " ", name + String(repeating: " ", count: max(0, 28 - name.count)), " |", percent(ours.first, 5),
            percent(random.first, 8), percent(oracle.first, 8), " |", percent(ours.whole, 5),
            percent(random.whole, 8))
        let bound = kind == .liesAboutLoad ? max(0.02, random.first) : random.first / 2
        return Verdict(
            "\(name): first attempts lost at most \(Simulator.decimal(100 * bound, 1)) %",
            "\(Simulator.decimal(100 * ours.first, 1)) %", kept: ours.first <= bound)
    }

    /// Those who lie about their load, where jobs overlap, and where statuses are old when they are used.
    private func loads() -> [Verdict] {
        print(
            "100 providers, 150 clients, three jobs for every eight slots, jobs that overlap; jobs 61 to 120 of each"
        )
        print(
            "  liars, age of a status in jobs        | first attempts lost: ours, all believed, chance, oracle | doubted: honest, liars"
        )
        var verdicts: [Verdict] = []
        for (kind, late) in [
            (Market.Kind.liesAboutLoad, 0), (.liesAboutLoad, 10), (.neverFull, 0), (.honest, 10),
        ] {
            for share in kind == .honest ? [0.0] : [0.3, 0.5] {
                func lost(_ choice: Market.Choice, remembers: Bool = true) -> (Double, Market) {
                    var market = Market(
                        seed: seed, providers: 100, clients: 150, share: share, kind,
                        pace: .flowing(late: late), remembersWords: remembers)
                    _ = market.lost(rounds: 60, by: choice)
                    let first = market.lost(rounds: 60, by: choice).first
                    return (first, market)
                }
                let ((ours, market), (random, _), (oracle, _)) = (lost(.ours), lost(.random), lost(.oracle))
                let before = lost(.ours, remembers: false).0
                func percent(_ share: Double) -> String { Simulator.decimal(100 * share, 1) }
                let doubted = market.doubted
                let name = "\(Int(share * 100)) % \(kind.rawValue), \(late)"
                print(
                    " ", name + String(repeating: " ", count: max(0, 37 - name.count)), "|", percent(ours),
                    percent(before), percent(random), percent(oracle), "|", percent(doubted.honest),
                    percent(doubted.liars))
                verdicts.append(
                    Verdict(
                        "\(name): first attempts lost at most as by chance, \(percent(random)) %, no honest one doubted",
                        "\(percent(ours)) %, \(percent(doubted.honest)) % doubted",
                        kept: ours <= random && doubted.honest < 0.005))
            }
        }
        return verdicts
    }

    /// The same when clients hear each other: each runs one of the honest providers, too, and liars speak as well.
    private func words() -> [Verdict] {
        print(
            "30 % attackers; clients tell each other how jobs went, and liars speak ill of all honest providers and well of"
        )
        print("  all attackers; first attempts lost in percent, of jobs 1 to 30 and 101 to 250")
        print(
            "  attack                | silence      | honest words | 200 fresh keys lie | insiders lie | and a validator"
        )
        var verdicts: [Verdict] = []
        for kind in [Market.Kind.fails, .whitewashes, .betrays] {
            func lost(_ speech: Market.Speech, validators: Int = 0) -> (early: Double, late: Double) {
                var market = Market(
                    seed: seed, providers: 100, clients: 20, share: 0.3, kind, speech: speech,
                    validators: validators)
                let early = market.lost(rounds: 30, by: .ours).first
                _ = market.lost(rounds: 70, by: .ours)
                return (early, market.lost(rounds: 150, by: .ours).first)
            }
            func shown(_ losses: (early: Double, late: Double), _ width: Int) -> String {
                let text =
                    "\(Simulator.decimal(100 * losses.early, 1)), \(Simulator.decimal(100 * losses.late, 1))"
                return text + String(repeating: " ", count: max(0, width - text.count))
            }
            let (silence, honest, crowd) = (lost(.silence), lost(.honest), lost(.crowd(200)))
            let (insiders, validated) = (lost(.insiders), lost(.insiders, validators: 1))
            let name = kind.rawValue + String(repeating: " ", count: max(0, 21 - kind.rawValue.count))
            print(
                " ", name, "|", shown(silence, 12), "|", shown(honest, 12), "|", shown(crowd, 18), "|",
                shown(insiders, 12), "|", shown(validated, 12))
            verdicts.append(
                Verdict(
                    "\(kind.rawValue): 200 fresh keys that lie change nothing, as it is without them \(Simulator.decimal(100 * honest.late, 1)) %",
                    "\(Simulator.decimal(100 * crowd.late, 1)) %", kept: crowd == honest))
            verdicts.append(
                Verdict(
                    "\(kind.rawValue): insiders that lie cost at most 2 % more than silence, \(Simulator.decimal(100 * silence.late, 1)) %",
                    "\(Simulator.decimal(100 * insiders.late, 1)) %",
                    kept: insiders.late <= silence.late + 0.02)
            )
        }
        return verdicts
    }

    /// Attackers who are good for thirty jobs, and then give answers that are not the model's, which nobody sees who does not
    /// check; without checks, and with as many as the rule for them has.
    private func fakes() -> [Verdict] {
        print(
            "40 providers that fake answers after 30 jobs, 12 clients, jobs 1 to 600 and 601 to 1200; in percent of jobs"
        )
        print("  attackers | wrong, unchecked | wrong, checked | answers checked")
        return [0.1, 0.3, 0.5].flatMap { share in
            func lost(_ verifies: Bool) -> (early: Market.Losses, late: Market.Losses) {
                var market = Market(
                    seed: seed, providers: 40, clients: 12, share: share, .fakes, speech: .honest,
                    verifies: verifies)
                let early = market.lost(rounds: 600, by: .ours)
                return (early, market.lost(rounds: 600, by: .ours))
            }
            func percent(_ share: Double) -> String { Simulator.decimal(100 * share, 1) }
            let (blind, checking) = (lost(false), lost(true))
            let name = "\(Int(share * 100)) %"
            print(
                " ", name + String(repeating: " ", count: max(0, 9 - name.count)), "|",
                Simulator.pad("\(percent(blind.early.wrong)), \(percent(blind.late.wrong))", 16), "|",
                Simulator.pad("\(percent(checking.early.wrong)), \(percent(checking.late.wrong))", 14), "|",
                Simulator.pad("\(percent(checking.early.checked)), \(percent(checking.late.checked))", 15))
            return [
                Verdict(
                    "\(name) fake answers: at most a twentieth of the jobs that they take unchecked, \(percent(blind.late.wrong)) %",
                    "\(percent(checking.late.wrong)) %", kept: checking.late.wrong <= blind.late.wrong / 20),
                Verdict(
                    "\(name) fake answers: at most 10 % are checked in the end",
                    "\(percent(checking.late.checked)) %", kept: checking.late.checked <= 0.1),
            ]
        }
    }

    /// 70 honest providers, each a little worse than the one before, without and with 30 keys of one attacker who fails: do
    /// these change the order of the others? Noise is how far the order moves between two runs without any.
    private func ring() -> Verdict {
        func ranks(_ seed: UInt64, _ attackers: Int) -> [Int] {
            var market = Market(
                seed: seed, honest: 70, attackers: attackers, clients: 20, .whitewashes, spread: 0.3)
            _ = market.lost(rounds: 250, by: .ours)
            return market.ranks
        }
        func moved(_ one: [Int], _ other: [Int]) -> Double {
            zip(one, other).reduce(0) { $0 + Double(abs($1.0 - $1.1)) } / Double(one.count)
        }
        let alone = (0..<6).map { ranks(seed + $0, 0) }
        let beside = (0..<6).map { ranks(seed + $0, 30) }
        var noise: [Double] = []
        for one in alone.indices { for other in 0..<one { noise.append(moved(alone[one], alone[other])) } }
        var ring: [Double] = []
        for one in alone.indices {
            for other in beside.indices where one != other { ring.append(moved(alone[one], beside[other])) }
        }
        let (mean, among) = (ring.reduce(0, +) / Double(ring.count), noise.reduce(0, +) / Double(noise.count))
        let spread = (noise.reduce(0) { $0 + ($1 - among) * ($1 - among) } / Double(noise.count)).squareRoot()
        return Verdict(
            "a ring of 30 % moves an honest provider by no more ranks than the noise, \(Simulator.decimal(among, 1)) ± \(Simulator.decimal(spread, 1)) of 70",
            Simulator.decimal(mean, 1), kept: mean <= among + spread)
    }
}
