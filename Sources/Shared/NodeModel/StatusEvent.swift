// A provider's status as a Nostr event and back; ephemeral (NIP-01), so that no relay keeps it.
// It must never accept an event that two readers could read as two statuses.

extension ProviderStatus {
    /// The event to be signed: kind 27860.
    public var template: EventTemplate {
        var tags: [[String]] = [
            ["challenge", challenge], ["accepts", accepts ? "1" : "0"],
            ["slots", String(slots), String(busy), String(queued)],
        ]
        if !loaded.isEmpty { tags.append(["loaded"] + loaded) }
        if let freeMiB { tags.append(["free", String(freeMiB)]) }
        return EventTemplate(
            pubkey: provider, createdAt: createdAt, kind: EventKind.status, tags: tags, content: "")
    }

    /// Reads a status from an event whose signature has been verified.
    /// - Returns: nil when the event is not a status of the one form that `template` writes.
    public init?(_ event: SignedEvent) {
        guard event.kind == EventKind.status, event.content.isEmpty, (3...5).contains(event.tags.count),
            let challenge = event.onlyTag("challenge"), let accepts = event.onlyTag("accepts"),
            let slots = event.tags.first(where: { $0.first == "slots" }), slots.count == 4,
            let all = Int(slots[1]), let busy = Int(slots[2]), let queued = Int(slots[3])
        else { return nil }
        let loaded = event.tags.first { $0.first == "loaded" }?.dropFirst() ?? []
        self.init(
            provider: event.pubkey, challenge: challenge, accepts: accepts == "1", slots: all, busy: busy,
            queued: queued, freeMiB: event.onlyTag("free").flatMap { Int($0) }, loaded: Array(loaded),
            createdAt: event.createdAt)
        guard template.tags == event.tags, isPlausible else { return nil }
    }

    /// Whether the numbers and names have their form.
    public var isPlausible: Bool {
        Hex.decode(challenge, count: Self.challengeBytes) != nil && slots >= 0 && busy >= 0 && queued >= 0
            && freeMiB ?? 0 >= 0 && createdAt >= 0 && loaded.count <= Self.mostLoaded
            && loaded.allSatisfy { Hex.decode($0, count: Self.prefixLength / 2) != nil }
    }
}
