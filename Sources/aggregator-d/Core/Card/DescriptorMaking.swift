// All that this node says of itself as a provider, composed of what exec-d and content-d report. Pure.
// It must never tell what nobody reported: what is not known is absent.

import Interfaces
import NodeModel

extension ProviderDescriptor {
    /// Most models; the newest ones are told.
    static let mostModels = 32
    /// What the rest of an event takes besides the content, in bytes.
    private static let frame = 256

    /// The descriptor that belongs to a card. Of too many models for its size the oldest are left out.
    init(of card: ProviderCard, _ local: LocalView, prices: PriceList, context: Int) {
        var (devices, image): ([Device], String?) = ([], nil)
        if case .success(let inventory) = local.inventory {
            devices = inventory.computing.prefix(16).map {
                Device(
                    kind: $0.kind, name: $0.name.shortened(128), memoryMiB: $0.memoryMiB,
                    driver: $0.driver.map { $0.shortened(128) })
            }
            image = inventory.image
        }
        // A longer name would make all of it invalid, and keep the card from the network as well.
        let models =
            card.models.isEmpty
            ? []
            : CardOffers(local).runnable.prefix(Self.mostModels).map {
                Self.model($0, prices.of($0.name), context)
            }
        self.init(
            provider: card.provider, endpoints: [card.endpoint],
            statusAddresses: [card.statusAddress].compactMap(\.self), devices: devices, slots: card.slots,
            models: models, image: image, payTo: card.payTo, createdAt: card.createdAt)
        while let size = (try? template())?.content.utf8.count, size + Self.frame > Self.maximumSize,
            !self.models.isEmpty
        {
            self.models.removeLast()
        }
    }

    private static func model(_ entry: ContentInterface.Entry, _ price: UnitPrice, _ context: Int) -> Model {
        let own = entry.metadata["context_length"].flatMap { Int($0) } ?? context
        let details = entry.metadata.filter {
            (1...32).contains($0.key.utf8.count) && (1...64).contains($0.value.utf8.count)
        }.sorted { $0.key < $1.key }.prefix(8)
        return Model(
            name: entry.name, root: entry.root, sha256: entry.sha256, size: entry.size, format: entry.format,
            context: max(1, min(own, context)),
            details: Dictionary(uniqueKeysWithValues: details.map { ($0, $1) }),
            price: price)
    }

    /// What it says, without the time: whether a new one has to be signed.
    var contents: ProviderDescriptor {
        var contents = self
        contents.createdAt = 0
        return contents
    }
}

extension String {
    /// At most so many bytes, cut between characters; never empty.
    fileprivate func shortened(_ most: Int) -> String {
        var text = self
        while text.utf8.count > most { text.removeLast() }
        return text.isEmpty ? "unknown" : text
    }
}
