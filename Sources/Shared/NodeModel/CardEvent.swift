// A provider's card as a Nostr event and back: tags that the network can index, nothing hidden in the content.
// It must never accept an event that two readers could read as two cards.

extension ProviderCard {
    /// The event to be signed: kind 31860, one `model` tag per offer, NIP-40 expiration.
    public var template: EventTemplate {
        var tags: [[String]] = [
            ["d", "infernet"], ["expiration", String(expiresAt)], ["endpoint", endpoint],
            ["device", device, String(memoryMiB)], ["slots", String(slots), String(load)],
        ]
        if let deviceCount { tags.append(["devices", String(deviceCount)]) }
        if let statusAddress { tags.append(["status", statusAddress]) }
        if let payTo { tags.append(["pay", payTo.address, String(payTo.withdrawDelay)]) }
        for offer in models {
            tags.append([
                "model", offer.name, offer.root.hex, String(offer.context), offer.price.asset.rawValue,
                String(offer.price.prompt), String(offer.price.completion),
            ])
        }
        return EventTemplate(
            pubkey: provider, createdAt: createdAt, kind: EventKind.card, tags: tags, content: "")
    }

    /// Reads a card from an event whose signature has been verified.
    /// - Returns: nil when the event is not a card of the one form that `template` writes.
    public init?(_ event: SignedEvent) {
        guard event.kind == EventKind.card, event.content.isEmpty,
            let expiry = event.onlyTag("expiration").flatMap({ Int64($0) }),
            let endpoint = event.onlyTag("endpoint"),
            let device = event.tags.first(where: { $0.first == "device" }), device.count == 3,
            let memory = Int(device[2]), let slots = event.tags.first(where: { $0.first == "slots" }),
            slots.count == 3, let slotCount = Int(slots[1]), let load = Int(slots[2])
        else { return nil }
        var models: [ModelOffer] = []
        for tag in event.tags where tag.first == "model" {
            guard let offer = ModelOffer(tag: tag) else { return nil }
            models.append(offer)
        }
        self.init(
            provider: event.pubkey, endpoint: endpoint, models: models, device: device[1], memoryMiB: memory,
            slots: slotCount, load: load, createdAt: event.createdAt, expiresAt: expiry,
            statusAddress: event.onlyTag("status"),
            payTo: event.tags.first { $0.first == "pay" }.flatMap(PayTo.init(tag:)),
            deviceCount: event.onlyTag("devices").flatMap { Int($0) })
        guard template.tags == event.tags, isPlausible else { return nil }
    }

    /// The bytes of the signed card in the compact form that the network stores (`CardRecord` of dht-d).
    public var size: Int {
        // `d1:ci…e1:ki…e1:p32:…1:s64:…1:tl…e1:x0:e`, each text as its length, a colon, and itself.
        let tags = template.tags.reduce(0) { sum, tag in
            sum + 2
                + tag.reduce(0) { $0 + String($1.utf8.count).utf8.count + 1 + $1.utf8.count }
        }
        let numbers = [createdAt, Int64(EventKind.card)].reduce(0) { $0 + String($1).utf8.count + 2 }
        return 2 + 6 * 3 + numbers + (3 + 32) + (3 + 64) + 2 + tags + 2
    }

    /// Whether the numbers can be true at all.
    public var isPlausible: Bool {
        // A stranger chose these numbers: their difference may not fit.
        let (lifetime, over) = expiresAt.subtractingReportingOverflow(createdAt)
        return !over && createdAt >= 0 && lifetime > 0 && lifetime <= Self.maximumLifetime && memoryMiB >= 0
            && slots >= 0
            && (2...4096).contains(deviceCount ?? 2)
            && (0...15).contains(load) && models.count <= Self.mostModels && endpoint.utf8.count <= 128
            && payTo?.isPlausible != false
            && (statusAddress?.utf8.count ?? 1) <= 47 && statusAddress?.isEmpty != true
            && models.allSatisfy { $0.price.total(promptTokens: 1, completionTokens: 1) != nil }
    }
}

extension PayTo {
    fileprivate init?(tag: [String]) {
        guard tag.count == 3, let delay = Int64(tag[2]) else { return nil }
        self.init(address: tag[1], withdrawDelay: delay)
    }
}

extension ModelOffer {
    fileprivate init?(tag: [String]) {
        guard tag.count == 7, let root = ContentRoot(hex: tag[2]), let context = Int(tag[3]), context > 0,
            let prompt = Int64(tag[5]), let completion = Int64(tag[6]), tag[1] == tag[1].lowercased(),
            !tag[1].isEmpty, tag[1].utf8.count <= 64
        else { return nil }
        self.init(
            name: tag[1], root: root, context: context,
            price: UnitPrice(asset: Asset(rawValue: tag[4]), prompt: prompt, completion: completion))
    }
}
