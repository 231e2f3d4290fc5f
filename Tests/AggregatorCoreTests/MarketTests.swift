// Proves what the choice of providers is worth against attackers: jobs lost, beside choosing at random and beside an oracle.

import MarketSimulation
import Testing

@Suite struct MarketTests {
    private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

    /// 20 clients, 100 providers, 250 jobs each; during the first 100 they come to know each other.
    @Test(arguments: Market.Kind.allCases.filter { ![.honest, .fakes, .neverFull].contains($0) })
    func fewerJobsAreLostThanByChance(_ kind: Market.Kind) {
        for share in [0.1, 0.3, 0.5] {
            func lost(_ choice: Market.Choice) -> Market.Losses {
                var market = Market(seed: 9, providers: 100, clients: 20, share: share, kind)
                _ = market.lost(rounds: 100, by: choice)
                return market.lost(rounds: 150, by: choice)
            }
            let (random, ours, oracle) = (lost(.random), lost(.ours), lost(.oracle))
            print(
                "figure: \(Int(share * 100)) % of providers, \(kind.rawValue): first attempts lost",
                "\(Self.percent(ours.first)), by chance \(Self.percent(random.first)), by an oracle",
                "\(Self.percent(oracle.first)); jobs lost \(Self.percent(ours.whole)), by chance",
                "\(Self.percent(random.whole))")
            #expect(ours.whole <= random.whole)
            switch kind {
            // They are not known to anybody before they turn, and each client has to find out by itself.
            case .betrays: #expect(ours.first < random.first / 2)
            case .liesAboutLoad: #expect(ours.first < 0.02)
            default: #expect(ours.first < random.first / 5)
            }
        }
    }

    /// Clients tell each other how jobs went. A crowd of fresh keys that lies changes not one choice; attackers who lie under the
    /// keys by which they are known, or once were liked, cost little.
    @Test(arguments: [Market.Kind.fails, .whitewashes, .betrays])
    func liarsGainNothingByTalking(_ kind: Market.Kind) {
        func lost(_ speech: Market.Speech, validators: Int = 0) -> Double {
            var market = Market(
                seed: 4, providers: 40, clients: 12, share: 0.3, kind, speech: speech, validators: validators)
            _ = market.lost(rounds: 50, by: .ours)
            return market.lost(rounds: 50, by: .ours).first
        }
        let (silence, honest, crowd, insiders) = (
            lost(.silence), lost(.honest), lost(.crowd(100)), lost(.insiders)
        )
        print(
            "figure: 30 % of providers, \(kind.rawValue): first attempts lost \(Self.percent(silence)) in silence,",
            "\(Self.percent(honest)) with honest words, \(Self.percent(crowd)) with 100 fresh keys that lie,",
            "\(Self.percent(insiders)) when the attackers themselves lie")
        #expect(crowd == honest)
        #expect(insiders <= silence + 0.02 && honest <= silence + 0.02)
    }

    /// Who is good for thirty jobs and then gives other answers than the model's takes nine of ten of his jobs from who does not
    /// look. Checked as often as the rule has it, he is found out; and the honest cost little once they are known.
    @Test func whoFakesAnswersIsFoundOut() {
        func lost(_ verifies: Bool) -> (early: Market.Losses, late: Market.Losses) {
            var market = Market(
                seed: 6, honest: 14, attackers: 6, clients: 6, .fakes, speech: .honest, verifies: verifies)
            let early = market.lost(rounds: 300, by: .ours)
            return (early, market.lost(rounds: 300, by: .ours))
        }
        let (blind, checking) = (lost(false), lost(true))
        print(
            "figure: 30 % of providers fake answers after 30 jobs: wrong answers",
            "\(Self.percent(blind.late.wrong)) of jobs unchecked; checked as the rule has it",
            "\(Self.percent(checking.early.wrong)) of the first 300 and \(Self.percent(checking.late.wrong)) of the next,",
            "with \(Self.percent(checking.early.checked)) and \(Self.percent(checking.late.checked)) of the answers checked"
        )
        #expect(blind.late.checked == 0 && blind.late.wrong > 0.2)
        #expect(checking.late.wrong < blind.late.wrong / 20)
        #expect(checking.early.wrong < blind.early.wrong / 3)
        #expect(checking.late.checked < 0.1)
    }

    /// At three jobs for every eight slots, jobs that overlap: who lies about his load, a fifth cheaper, gains nothing from it,
    /// and no honest provider is doubted, also where statuses are so old that he often has to refuse.
    @Test(arguments: [(Market.Kind.liesAboutLoad, 0, 0.5), (.neverFull, 0, 0.5), (.liesAboutLoad, 4, 0.3)])
    func liarsAboutTheirLoadAreFoundOut(_ kind: Market.Kind, late: Int, share: Double) {
        func lost(_ choice: Market.Choice, remembers: Bool = true) -> (
            first: Double, doubted: (honest: Double, liars: Double)
        ) {
            var market = Market(
                seed: 9, providers: 40, clients: 60, share: share, kind, pace: .flowing(late: late),
                remembersWords: remembers)
            _ = market.lost(rounds: 60, by: choice)
            return (market.lost(rounds: 40, by: choice).first, market.doubted)
        }
        let (random, before, ours, oracle) = (
            lost(.random), lost(.ours, remembers: false), lost(.ours), lost(.oracle)
        )
        print(
            "figure: \(Int(share * 100)) % of providers, \(kind.rawValue), statuses \(late) jobs old: first attempts lost",
            "\(Self.percent(ours.first)), believing all \(Self.percent(before.first)), by chance",
            "\(Self.percent(random.first)), by an oracle \(Self.percent(oracle.first)); doubted",
            "\(Self.percent(ours.doubted.honest)) of the honest, \(Self.percent(ours.doubted.liars)) of the liars"
        )
        #expect(ours.first <= random.first && ours.first < before.first)
        #expect(ours.doubted.honest < 0.005)
        if kind == .liesAboutLoad, late == 0 { #expect(ours.first < random.first / 3) }
    }
}
