// A descriptor as a Nostr event and back, in one form only.
// It must never accept an event that `template` would have written differently, nor numbers that cannot be true.

/// Why an event is no descriptor.
public enum DescriptorError: Error, Hashable, Sendable {
    case wrongKind(Int)
    case unknownVersion(Int)
    case content(CanonicalJSONError)
    /// Tags or author are not of the one form.
    case wrongForm
    /// This field has a length or a value that it may not have.
    case implausible(String)
}

extension DescriptorError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .wrongKind(let kind): "an event of kind \(kind) is no descriptor"
        case .unknownVersion(let version): "descriptor version \(version) is unknown to this build"
        case .content(let error): "the descriptor's content is \(error)"
        case .wrongForm: "the event's tags or author are not of the one form that is signed"
        case .implausible(let field): "\(field) has a length or a value that it may not have"
        }
    }
}

extension ProviderDescriptor {
    /// The event to be signed by the provider: addressable, so that on a relay the newest is the only one.
    public func template() throws(DescriptorError) -> EventTemplate {
        try check()
        do {
            let content = String(decoding: try CanonicalJSON.encode(self), as: UTF8.self)
            return EventTemplate(
                pubkey: provider, createdAt: createdAt, kind: EventKind.descriptor,
                tags: [["d", "infernet"]],
                content: content)
        } catch { throw .content(error) }
    }

    /// The descriptor in an event whose signature has been, or is to be, checked by the caller.
    public init(unproven event: SignedEvent) throws(DescriptorError) {
        guard event.kind == EventKind.descriptor else { throw .wrongKind(event.kind) }
        guard event.content.utf8.count <= Self.maximumSize else { throw .implausible("the size") }
        do {
            self = try CanonicalJSON.decode(ProviderDescriptor.self, from: event.content.utf8)
        } catch { throw .content(error) }
        guard event.pubkey == provider, try template() == event.template else { throw .wrongForm }
    }

    /// Whether lengths and numbers can be true at all.
    public func check() throws(DescriptorError) {
        guard version == Self.currentVersion else { throw .unknownVersion(version) }
        func require(_ good: Bool, _ field: String) throws(DescriptorError) {
            if !good { throw .implausible(field) }
        }
        func short(_ texts: [String], _ most: Int = 128) -> Bool {
            texts.allSatisfy { (1...most).contains($0.utf8.count) }
        }
        try require((1...8).contains(endpoints.count) && short(endpoints), "endpoints")
        try require(statusAddresses.count <= 8 && short(statusAddresses, 47), "status_addresses")
        try require(devices.count <= 16, "devices")
        for device in devices {
            try require(
                short([device.kind, device.name] + [device.driver].compactMap(\.self))
                    && (0...1 << 30).contains(device.memoryMiB), "devices")
        }
        try require(interconnect.map { short([$0]) } ?? true, "interconnect")
        try require((0...65_536).contains(slots) && createdAt >= 0, "slots or created_at")
        try require(models.count <= 32, "models")
        for model in models {
            try require(
                short([model.name], 64) && short([model.format], 32) && model.name == model.name.lowercased()
                    && model.size >= 0 && model.context > 0 && model.details.count <= 8
                    && short(Array(model.details.keys), 32) && short(Array(model.details.values), 64)
                    && model.price.total(promptTokens: 1, completionTokens: 1) != nil, "models")
        }
        try require(image.map { short([$0]) } ?? true, "image")
        try require(payTo?.isPlausible != false, "pay_to")
        if let attestation {
            try require(
                short([attestation.kind], 64) && attestation.evidence.utf8.count <= 4096
                    && Hex.decode(attestation.evidence) != nil, "attestation")
        }
    }
}
