// Proves that headers are read for what people want to know, and that a cut or hostile file is refused, never trusted.

import Testing
import Wire

@testable import ContentCore

@Suite struct FormatTests {
    private func format(_ bytes: [UInt8]) throws -> ContentFormat {
        try bytes.withUnsafeBytes { try ContentFormat(head: $0, size: Int64(bytes.count)) }
    }

    @Test("a GGUF file tells its name, architecture, context and quantization")
    func gguf() throws {
        let format = try format(GGUFBuilder.model())
        #expect(format.name == "gguf")
        #expect(
            format.metadata == [
                "architecture": "llama", "name": "Tiny", "context_length": "2048", "quantization": "Q8_0",
                "tensors": "1", "chat_template": "yes",
            ])
    }

    @Test("a GGUF file cut anywhere is refused")
    func truncated() throws {
        let whole = GGUFBuilder.model()
        for count in 4..<whole.count {
            #expect(throws: WireError(.invalidRequest, "")) { try format(Array(whole[..<count])) }
        }
    }

    @Test("claims of impossible counts, lengths, types and depths are refused at once")
    func hostile() {
        var many = GGUFBuilder()
        many.claimedPairs = .max
        var long = GGUFBuilder()
        long.add("k", type: 8, raw: GGUFBuilder.little(UInt64.max))
        var array = GGUFBuilder()
        array.add("k", type: 9, raw: GGUFBuilder.little(UInt32(10)) + GGUFBuilder.little(UInt64.max))
        var strings = GGUFBuilder()
        strings.add("k", type: 9, raw: GGUFBuilder.little(UInt32(8)) + GGUFBuilder.little(UInt64.max))
        var type = GGUFBuilder()
        type.add("k", type: 99, raw: [0])
        var twice = GGUFBuilder()
        twice.add("k", "a")
        twice.add("k", "b")
        var huge = GGUFBuilder()
        huge.tensor("w", [1 << 40, 1 << 40], type: 0, offset: 0)
        var far = GGUFBuilder()
        far.tensor("w", [1], type: 0, offset: .max)
        var nested = GGUFBuilder()
        let level = GGUFBuilder.little(UInt32(9)) + GGUFBuilder.little(UInt64(1))
        nested.add("k", type: 9, raw: Array([level, level, level, level, level, level].joined()))
        var version = GGUFBuilder()
        version.version = 1
        for builder in [many, long, array, strings, type, twice, huge, far, nested, version] {
            #expect(throws: HeaderFault.self) {
                try builder.header.withUnsafeBytes { raw throws(HeaderFault) in try GGUFHeader(raw) }
            }
        }
    }

    @Test("a tensor of a type that this build does not know is no reason to refuse the file")
    func unknownTensor() throws {
        var builder = GGUFBuilder()
        builder.tensor("w", [32], type: 1234, offset: 0)
        #expect(try format(builder.header).name == "gguf")
    }

    private func safetensors(_ json: String, data: Int) -> [UInt8] {
        GGUFBuilder.little(UInt64(json.utf8.count)) + Array(json.utf8) + [UInt8](repeating: 0, count: data)
    }
    private static let header =
        #"{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]},"#
        + #""b":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]},"c":{"dtype":"F32","shape":[1],"data_offsets":[10,14]}}"#

    @Test("a safetensors file tells its tensors and their type")
    func safetensors() throws {
        let format = try format(safetensors(Self.header, data: 14))
        #expect(format.name == "safetensors")
        #expect(format.metadata == ["format": "pt", "tensors": "3", "dtype": "BF16"])
    }

    @Test("a safetensors file that is cut is refused")
    func cutSafetensors() {
        #expect(throws: WireError(.invalidRequest, "")) { try format(safetensors(Self.header, data: 13)) }
    }

    @Test(
        "a safetensors header that is not one is refused",
        arguments: [
            "{\"a\":1}", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[8,0]}}", "{\"a\":{},\"a\":{}}",
            "{\"a\"",
            "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,99999999999999999999]}}",
        ])
    func badSafetensors(_ json: String) {
        #expect(throws: WireError(.invalidRequest, "")) { try format(safetensors(json, data: 100)) }
    }

    @Test("anything else is a file", arguments: [[0], [1, 2, 3], Array("GGU".utf8), Sample.bytes(5000)])
    func plain(_ bytes: [UInt8]) throws {
        #expect(try format(bytes) == ContentFormat(plain: ()))
    }
}

extension ContentFormat {
    fileprivate init(plain: Void) throws {
        self = try [UInt8(0)].withUnsafeBytes { try ContentFormat(head: $0, size: 1) }
    }
}
