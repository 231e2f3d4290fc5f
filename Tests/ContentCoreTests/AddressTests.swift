// Proves that manifests have the addresses that IPFS tools print, and that names cannot be mistaken for them.

import NodeModel
import Testing
import Wire

@testable import ContentCore

@Suite struct AddressTests {
    static let hello = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"

    @Test("kubo's 'hello world' (ipfs add --cid-version 1 --raw-leaves)")
    func kubo() throws {
        let cid = CID(hashing: Array("hello world".utf8))
        #expect(cid.description == Self.hello)
        #expect(CID(Self.hello) == cid)
    }

    @Test(
        "only one spelling of a CID is accepted",
        arguments: [
            "", "b", hello.uppercased(), String(hello.dropLast()), hello + "a", "f" + hello.dropFirst(),
            "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
            // The last character carries three bits that must be zero.
            String(hello.dropLast()) + "f", "bafkre1fzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
        ])
    func strict(_ text: String) {
        #expect(CID(text) == nil)
    }

    private func manifest(_ name: String = "tiny") throws -> Manifest {
        let address = try #require(Sample.address(Sample.bytes(100_000)))
        return Manifest(
            name: name,
            file: .init(
                format: "file", path: name, pieceSize: 1 << 20, piecesRoot: address.root,
                sha256: try #require(address.sha256), size: address.size), metadata: ["b": "2", "a": "1"])
    }

    @Test("a manifest is canonical, equal knowledge has one address")
    func canonical() throws {
        let manifest = try manifest()
        let bytes = try manifest.encoded()
        #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("{\"files\":[{\"format\":\"file\""))
        #expect(try Manifest.read(bytes, cid: CID(hashing: bytes)).manifest == manifest)
    }

    @Test("a manifest with any byte changed is refused under its address")
    func tampered() throws {
        let bytes = try manifest().encoded()
        let cid = CID(hashing: bytes)
        for at in bytes.indices {
            var changed = bytes
            changed[at] ^= 1
            #expect(throws: WireError(.corrupt, "")) { try Manifest.read(changed, cid: cid) }
        }
    }

    @Test("what no build of ours writes is refused, whatever its address")
    func nonsense() throws {
        let good = String(decoding: try manifest().encoded(), as: UTF8.self)
        for (from, to) in [
            ("\"version\":1", "\"version\":2"), ("\"size\":100000", "\"size\":0"),
            ("\"piece_size\":1048576", "\"piece_size\":7"), ("\"version\"", " \"version\""),
        ] {
            let bad = good.replacing(from, with: to)
            #expect(bad != good)
            #expect(throws: WireError(.corrupt, "")) { try Manifest.read(Array(bad.utf8)) }
        }
    }

    @Test("pieces grow above 16 GiB")
    func pieces() {
        #expect(Manifest.pieceSize(for: 1) == 1 << 20)
        #expect(Manifest.pieceSize(for: 16 << 30 - 1) == 1 << 20)
        #expect(Manifest.pieceSize(for: 16 << 30) == 4 << 20)
    }

    @Test("names are lower case")
    func names() throws {
        #expect(try ContentName.checked("SmolLM2-135M.Q4_1") == "smollm2-135m.q4_1")
    }

    @Test(
        "names are no paths, addresses or essays",
        arguments: [
            "", ".hidden", "-x", "a/b", "..", "a b", "ä", "a\u{0}", String(repeating: "a", count: 129), hello,
            String(repeating: "0", count: 64), "a\n",
        ])
    func badNames(_ name: String) {
        #expect(throws: WireError(.invalidRequest, "")) { try ContentName.checked(name) }
    }
}
