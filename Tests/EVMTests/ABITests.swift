// Proves the ABI against eth-abi in both directions, and that words laid out in any other way are refused.

import NodeModel
import Testing

@testable import EVM

@Suite struct ABITests {
    private func type(_ text: Substring) throws -> ABIType {
        if text.hasSuffix("[]") { return .array(try type(text.dropLast(2))) }
        if text.hasPrefix("(") {
            var (members, depth, start) = ([ABIType](), 0, text.index(after: text.startIndex))
            for index in text.indices {
                if text[index] == "(" { depth += 1 }
                if text[index] == ")" { depth -= 1 }
                if depth == 0 || (depth == 1 && text[index] == ",") {
                    members.append(try type(text[start..<index]))
                    start = text.index(after: index)
                }
            }
            return .tuple(members)
        }
        switch text {
        case "address": return .address
        case "bool": return .bool
        case "bytes": return .bytes
        case "string": return .string
        case _ where text.hasPrefix("uint"): return .uint(try #require(Int(text.dropFirst(4))))
        default: return .fixedBytes(try #require(Int(text.dropFirst(5))))
        }
    }

    private func value(_ item: Vectors.Item, _ type: ABIType) throws -> ABIValue {
        switch (item, type) {
        case (.text(let text), .address): .address(try EVMAddress(text))
        case (.text(let text), _): .string(text)
        case (.flag(let flag), _): .bool(flag)
        case (.number(let text), _): .uint(try number(text))
        case (.bytes(let hex), _): .bytes(try bytes(hex))
        case (.list(let items), .array(let element)): .list(try items.map { try value($0, element) })
        case (.list(let items), .tuple(let members)):
            .list(try zip(items, members).map { try value($0, $1) })
        default: try #require(nil as ABIValue?)
        }
    }

    @Test func agreesWithEthABI() throws {
        let vectors = try Vectors.load().abi
        #expect(vectors.count == 6)
        for vector in vectors {
            let types = try vector.types.map { try type($0[...]) }
            #expect(types.map(\.description) == vector.types)
            let values = try zip(vector.values, types).map { try value($0, $1) }
            let encoded = try bytes(vector.encoded)
            #expect(try ABI.encode(values, as: types) == encoded)
            #expect(try ABI.decode(encoded, as: types) == values)
            for end in stride(from: 0, to: encoded.count, by: 32) {
                #expect(throws: ABIError.self) { try ABI.decode(Array(encoded.prefix(end)), as: types) }
            }
            #expect(throws: ABIError.misplaced) { try ABI.decode(encoded + encoded.prefix(32), as: types) }
        }
    }

    /// Each case: types, words, and the rule that they break.
    @Test(arguments: [
        ([ABIType.bool], [2], ABIError.notCanonical(.bool)),
        ([.uint(8)], [256], .notCanonical(.uint(8))),
        ([.fixedBytes(4)], [1], .notCanonical(.fixedBytes(4))),
        ([.string], [0x40, 0, 0], .misplaced),
        ([.string, .string], [0x40, 0x40, 0], .misplaced),
        ([.string], [0x20, 1, 0x41], .notCanonical(.string)),
        ([.string], [0x20, 33, 0], .truncated),
        ([.array(.uint(256))], [0x20, 2, 1], .truncated),
        ([.array(.tuple([]))], [0x20, 2], .truncated),
        ([.array(.string)], [0x20, 1_000_000_000], .truncated),
        ([.bytes], [0x20, UInt64.max], .truncated),
        ([.uint(256)], [1, 2], .misplaced),
    ])
    func otherLayoutsAreRefused(_ types: [ABIType], _ words: [UInt64], _ error: ABIError) {
        let encoded = words.flatMap { UInt256($0).bytes }
        #expect(throws: error) { try ABI.decode(encoded, as: types) }
    }

    @Test func addressesHaveTwelveZeros() {
        let word = [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 2, count: 20)
        #expect(throws: ABIError.notCanonical(.address)) { try ABI.decode(word, as: [.address]) }
    }

    @Test func textIsUTF8() {
        let words = UInt256(0x20).bytes + UInt256(1).bytes + [0xFF] + [UInt8](repeating: 0, count: 31)
        #expect(throws: ABIError.notText) { try ABI.decode(words, as: [.string]) }
    }

    @Test func valuesMustFitTheirTypes() {
        for (value, type) in [
            (ABIValue.uint(256), ABIType.uint(8)), (.bytes([1]), .fixedBytes(2)), (.bool(true), .uint(256)),
            (.string(""), .bytes), (.list([]), .address),
        ] {
            #expect(throws: ABIError.wrongValue(type)) { try ABI.encode([value], as: [type]) }
        }
        #expect(throws: ABIError.wrongCount(expected: 1, found: 0)) { try ABI.encode([], as: [.bool]) }
    }

    /// Selectors that everybody knows.
    @Test func selectors() throws {
        let transfer = ABIFunction("transfer", [.address, .uint(256)], returns: [.bool])
        #expect(transfer.selector == [0xa9, 0x05, 0x9c, 0xbb])
        #expect(ABIFunction("balanceOf", [.address]).selector == [0x70, 0xa0, 0x82, 0x31])
        let arguments: [ABIValue] = [.address(.zero), .uint(5)]
        let call = try transfer.call(arguments)
        #expect(try transfer.arguments(of: call) == arguments)
        #expect(throws: ABIError.wrongSelector) { try ABIFunction("approve", []).arguments(of: call) }
        #expect(try transfer.result(UInt256(1).bytes) == [.bool(true)])
    }
}
