// Structured data for signing (EIP-712): the digest says what is signed, for which contract on which chain.
// It must never be built from a description that came over the network: ledger-d knows the types it signs.

/// The type of a member of a struct.
public indirect enum TypedType: Hashable, Sendable {
    /// A uint, address, bool, fixed bytes, bytes or string.
    case atom(ABIType)
    case structure(TypedStruct)
    case array(TypedType)

    var name: String {
        switch self {
        case .atom(let type): type.description
        case .structure(let structure): structure.name
        case .array(let element): element.name + "[]"
        }
    }
}

/// A struct type.
public struct TypedStruct: Hashable, Sendable {
    /// One member.
    public struct Field: Hashable, Sendable {
        public let name: String
        public let type: TypedType
        public init(_ name: String, _ type: TypedType) {
            self.name = name
            self.type = type
        }
    }

    public let name: String
    public let fields: [Field]

    public init(_ name: String, _ fields: [Field]) {
        self.name = name
        self.fields = fields
    }

    /// The struct and, in the order of their names, all that it refers to.
    public var encodedType: String {
        var found: [String: TypedStruct] = [:]
        collect(&found)
        found[name] = nil
        return ([self] + found.values.sorted { $0.name < $1.name }).map { structure in
            structure.name + "("
                + structure.fields.map { "\($0.type.name) \($0.name)" }.joined(separator: ",") + ")"
        }.joined()
    }

    /// `hashStruct` of values in the order of the fields.
    public func hash(_ values: [ABIValue]) throws(ABIError) -> [UInt8] {
        Keccak256.hash(try encodedData(values))
    }

    /// The type's hash and a word for each field.
    public func encodedData(_ values: [ABIValue]) throws(ABIError) -> [UInt8] {
        guard values.count == fields.count else {
            throw .wrongCount(expected: fields.count, found: values.count)
        }
        var out = Keccak256.hash(encodedType.utf8)
        for (field, value) in zip(fields, values) { out += try Self.word(value, field.type) }
        return out
    }

    private static func word(_ value: ABIValue, _ type: TypedType) throws(ABIError) -> [UInt8] {
        switch (type, value) {
        case (.atom(.bytes), .bytes(let bytes)): return Keccak256.hash(bytes)
        case (.atom(.string), .string(let text)): return Keccak256.hash(text.utf8)
        case (.atom(let atom), _): return try ABI.atom(value, as: atom)
        case (.structure(let structure), .list(let values)): return try structure.hash(values)
        case (.array(let element), .list(let values)):
            var words: [UInt8] = []
            for value in values { words += try word(value, element) }
            return Keccak256.hash(words)
        case (.structure(let structure), _):
            throw .wrongCount(expected: structure.fields.count, found: 1)
        case (.array, _): throw .wrongValue(.array(.bytes))
        }
    }

    private func collect(_ found: inout [String: TypedStruct]) {
        guard found.updateValue(self, forKey: name) == nil else { return }
        for field in fields {
            var type = field.type
            while case .array(let element) = type { type = element }
            if case .structure(let structure) = type { structure.collect(&found) }
        }
    }
}

/// What a signature is bound to: a contract on a chain, by name and version.
public struct EIP712Domain: Hashable, Sendable {
    public var name: String
    public var version: String
    public var chainID: UInt64
    public var contract: EVMAddress

    public init(name: String, version: String, chainID: UInt64, contract: EVMAddress) {
        self.name = name
        self.version = version
        self.chainID = chainID
        self.contract = contract
    }

    static let type = TypedStruct(
        "EIP712Domain",
        [
            .init("name", .atom(.string)), .init("version", .atom(.string)),
            .init("chainId", .atom(.uint(256))), .init("verifyingContract", .atom(.address)),
        ])

    /// What contracts call `DOMAIN_SEPARATOR`; it is compared with the chain's before anything is signed.
    public func separator() throws(ABIError) -> [UInt8] {
        try Self.type.hash([.string(name), .string(version), .uint(chainID), .address(contract)])
    }

    /// The 32 bytes that are signed for `values` of `structure` under this domain.
    public func digest(_ structure: TypedStruct, _ values: [ABIValue]) throws(ABIError) -> [UInt8] {
        Self.digest(separator: try separator(), message: try structure.hash(values))
    }

    static func digest(separator: [UInt8], message: [UInt8]) -> [UInt8] {
        Keccak256.hash([0x19, 0x01] + separator + message)
    }
}
