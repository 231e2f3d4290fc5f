// Proves that one accelerator has one class, however its driver or a person writes it.

import NodeModel
import Testing

@Suite struct DeviceClassTests {
    /// As nvidia-smi and rocm-smi write them.
    @Test(arguments: [
        ("nvidia", "NVIDIA H200", "nvidia-h200"), ("nvidia", "NVIDIA H100 80GB HBM3", "nvidia-h100"),
        ("nvidia", "NVIDIA A100-SXM4-40GB", "nvidia-a100"),
        ("nvidia", "NVIDIA A100 80GB PCIe", "nvidia-a100"),
        ("nvidia", "NVIDIA GeForce RTX 4090", "nvidia-rtx-4090"), ("nvidia", "Tesla T4", "nvidia-t4"),
        ("nvidia", "NVIDIA GeForce RTX 4090 Laptop GPU", "nvidia-rtx-4090-laptop"),
        ("nvidia", "NVIDIA RTX 6000 Ada Generation", "nvidia-rtx-6000-ada"),
        ("nvidia", "NVIDIA RTX A6000", "nvidia-rtx-a6000"), ("nvidia", "Tesla V100-SXM2-16GB", "nvidia-v100"),
        ("nvidia", "NVIDIA GH200 480GB", "nvidia-gh200"), ("nvidia", "NVIDIA GB10", "nvidia-gb10"),
        ("amd", "AMD Instinct MI300X OAM", "amd-mi300x"), ("amd", "Instinct MI210", "amd-mi210"),
        ("amd", "AMD INSTINCT MI250 (MCM) OAM AC MBA", "amd-mi250"),
        ("amd", "Radeon RX 7900 XT", "amd-rx-7900-xt"), ("amd", "0x744c", "amd-0x744c"),
    ]) func namesOfDrivers(maker: String, name: String, text: String) {
        #expect(DeviceClass(maker: maker, name: name)?.text == text)
        // A class is its own name, and what stands on a card is read back.
        #expect(DeviceClass(wish: text)?.text == text)
        #expect(DeviceClass(text)?.text == text)
    }

    @Test(arguments: [
        ("H200", "nvidia-h200"), ("rtx 4090", "nvidia-rtx-4090"), ("RTX-4090", "nvidia-rtx-4090"),
        ("MI300X", "amd-mi300x"), ("Radeon RX 7900 XTX", "amd-rx-7900-xtx"),
        ("rx 7900 xtx", "amd-rx-7900-xtx"),
        ("NVIDIA MI", "nvidia-mi"),
    ]) func whatPeopleWrite(wish: String, text: String) {
        #expect(DeviceClass(wish: wish)?.text == text)
    }

    @Test func whatSaysNoModelHasNoClass() {
        #expect(DeviceClass(maker: "nvidia", name: "NVIDIA Graphics Device") == nil)
        #expect(DeviceClass(maker: "amd", name: "") == nil)
        for text in [
            "cpu", "nvidia", "", "nvidia-", "-h200", "nvidia--h200", "nvidia-H200", "nvidia h200", "a-\u{e9}",
        ] {
            #expect(DeviceClass(text) == nil, "\(text)")
        }
        #expect(DeviceClass(wish: "  ") == nil)
        #expect(DeviceClass("a-" + String(repeating: "b", count: 39)) == nil)
        let long = DeviceClass(maker: "nvidia", name: String(repeating: "word ", count: 20))
        #expect((long?.text.utf8.count ?? 99) <= DeviceClass.maximumLength)
    }
}
