// What can be asked for, and for how much: by asset, since nobody here can say what one is worth in another.

import Interfaces
import NodeModel
import Testing

@testable import AggregatorCore

@Suite struct ModelListTests {
    private static let dollar = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
    private static let other = UnitPrice(asset: .testCredit, prompt: 9, completion: 9)

    private func card(_ name: String, _ asset: Asset, _ price: Int64) -> ProviderCard {
        var card = PlannerTests.card(name, price: price)
        card.models[0].price.asset = asset
        return card
    }

    private func list(_ cards: [ProviderCard], local: LocalView) -> [AggregatorInterface.Models.Model] {
        ModelList.of(local, cards: cards, prices: PriceList(Self.other), context: 512)
    }

    @Test func pricesOfDifferentAssetsStandBesideEachOther() throws {
        let cards = [
            card("a", .testCredit, 5), card("b", Self.dollar, 7), card("c", Self.dollar, 3),
            card("d", .testCredit, 1), card("e", Self.dollar, 4),
        ]
        let dear = UnitPrice(asset: Self.dollar, prompt: 3, completion: 3)
        let cheap = UnitPrice(asset: .testCredit, prompt: 1, completion: 1)
        // In whatever order the cards came: the lowest of each, and none hides the other.
        for turn in 0..<cards.count {
            let model = try #require(
                list(Array(cards[turn...] + cards[..<turn]), local: PlannerTests.local([])).first)
            #expect(model.prices == [dear, cheap] && model.providers == 5)
        }
    }

    @Test func whatIsHereHasThisNodesOwnPrice() throws {
        let cards = [card("a", .testCredit, 1), card("b", Self.dollar, 1)]
        let model = try #require(list(cards, local: PlannerTests.local([PlannerTests.entry])).first)
        #expect(model.prices == [Self.other] && model.providers == 2 && model.local)
    }
}
