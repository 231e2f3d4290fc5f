// Descriptors for tests, small and large.
// It must never be larger than the product may write.

public import NodeModel

/// Made-up descriptors.
public enum TestDescriptors {
    /// With so many models; 20 of them fill about seven packets.
    public static func full(_ provider: PublicKey, models: Int, created: Int64) -> ProviderDescriptor {
        ProviderDescriptor(
            provider: provider, endpoints: ["ws://203.0.113.7:9103/peer"],
            statusAddresses: ["203.0.113.7:9203"],
            devices: [.init(kind: "nvidia", name: "a GPU", memoryMiB: 81_920, driver: "550.54")],
            interconnect: "pcie", slots: 4,
            models: (0..<models).map { number in
                .init(
                    name: "model-\(number)", root: TestCards.root("model-\(number)"),
                    sha256: Digest(hashing: "model-\(number)"), size: 98_300_000 + Int64(number),
                    format: "gguf",
                    context: 2048, details: ["architecture": "llama"],
                    price: UnitPrice(prompt: 1, completion: 2))
            }, image: "sha256:" + Digest(hashing: "image").hex, payTo: nil,
            attestation: .init(kind: "none-yet", evidence: "00ff"), createdAt: created)
    }
}
