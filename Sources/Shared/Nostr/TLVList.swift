// The type-length-value lists inside nprofile and nevent (NIP-19): one byte of type, one of length.
// It must never read over the end; unknown types are skipped, as the NIP asks.

struct TLVList {
    enum Kind: UInt8 {
        case special = 0
        case relay = 1
        case author = 2
        case kind = 3
    }

    private(set) var bytes: [UInt8] = []
    private var items: [(kind: UInt8, value: [UInt8])] = []

    init() {}

    init(_ bytes: [UInt8]) throws(NIP19Error) {
        self.bytes = bytes
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= 2 else { throw .wrongLength }
            let kind = rest.removeFirst()
            let length = Int(rest.removeFirst())
            guard rest.count >= length else { throw .wrongLength }
            items.append((kind, Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
    }

    /// Adds an item; one of more than 255 bytes cannot be written and is left out.
    mutating func add(_ kind: Kind, _ value: [UInt8]) {
        guard let length = UInt8(exactly: value.count) else { return }
        items.append((kind.rawValue, value))
        bytes += [kind.rawValue, length] + value
    }

    func only(_ kind: Kind) throws(NIP19Error) -> [UInt8] {
        guard let value = try optional(kind) else { throw .missingSpecial }
        return value
    }

    func optional(_ kind: Kind) throws(NIP19Error) -> [UInt8]? {
        let found = items.filter { $0.kind == kind.rawValue }
        guard found.count <= 1 else { throw .missingSpecial }
        return found.first?.value
    }

    func relays() throws(NIP19Error) -> [String] {
        var out: [String] = []
        for item in items where item.kind == Kind.relay.rawValue {
            guard let text = String(validating: item.value, as: UTF8.self) else { throw .badValue }
            out.append(text)
        }
        return out
    }
}
