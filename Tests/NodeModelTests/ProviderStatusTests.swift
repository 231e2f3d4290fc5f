// Proves that a status has one form as an event, and what its numbers say.

import NodeModel
import Testing

@Suite struct ProviderStatusTests {
    private static let key = PublicKey(xOnly: Digest(hashing: "provider"))

    private static func status(_ change: (inout ProviderStatus) -> Void = { _ in }) -> ProviderStatus {
        var status = ProviderStatus(
            provider: key, challenge: "0123456789abcdef", accepts: true, slots: 4, busy: 1, queued: 0,
            loaded: ["0011223344556677"], createdAt: 1_800_000_000)
        change(&status)
        return status
    }

    private static func read(_ template: EventTemplate) -> ProviderStatus? {
        ProviderStatus(SignedEvent(template, signature: []))
    }

    @Test func theEventSaysAllOfIt() {
        #expect(Self.read(Self.status().template) == Self.status())
        let bare = Self.status {
            $0.loaded = []
            $0.accepts = false
        }
        #expect(Self.read(bare.template) == bare)
        for loaded in [[], ["0011223344556677"]] {
            let told = Self.status { ($0.freeMiB, $0.loaded) = (22_817, loaded) }
            #expect(Self.read(told.template) == told)
            #expect(told.template.tags.last == ["free", "22817"])
        }
    }

    @Test func nothingElseIsAStatus() {
        var template = Self.status().template
        template.kind = EventKind.card
        #expect(Self.read(template) == nil)
        template = Self.status().template
        template.content = "x"
        #expect(Self.read(template) == nil)
        for tag in [
            ["loaded", "0011223344556677"], ["free", "-1"], ["free", "01"], ["free"],
            ["challenge", "0123456789abcdef"], ["x"],
        ] {
            template = Self.status().template
            template.tags.append(tag)
            #expect(Self.read(template) == nil)
        }
        template = Self.status().template
        template.tags[1] = ["accepts", "yes"]
        #expect(Self.read(template) == nil)
        template.tags[1] = ["accepts", "1"]
        template.tags[2] = ["slots", "04", "1", "0"]
        #expect(Self.read(template) == nil)
        let impossible: [(inout ProviderStatus) -> Void] = [
            { $0.challenge = "0123456789ABCDEF" }, { $0.challenge = "01" }, { $0.slots = -1 },
            { $0.busy = -1 },
            { $0.queued = -1 }, { $0.freeMiB = -1 }, { $0.loaded = ["0011"] }, { $0.createdAt = -1 },
            { $0.loaded = [String](repeating: "0011223344556677", count: 9) },
        ]
        for change in impossible { #expect(Self.read(Self.status(change).template) == nil) }
    }

    @Test func theLoadIsThatOfCards() {
        func load(_ slots: Int, _ busy: Int, _ queued: Int, accepts: Bool = true) -> Int {
            Self.status {
                ($0.slots, $0.busy, $0.queued, $0.accepts) = (slots, busy, queued, accepts)
            }.load
        }
        #expect(load(4, 0, 0) == 0)
        #expect(load(4, 1, 1) == 7)
        #expect(load(4, 4, 0) == 15)
        #expect(load(4, 9, 9) == 15)
        #expect(load(0, 0, 0) == 15)
        #expect(load(4, 0, 0, accepts: false) == 15)
        // A stranger chose these numbers.
        #expect(load(.max, .max, .max) == 15)
        #expect(load(.max, .max - 1, 0) >= 0)
    }
}
