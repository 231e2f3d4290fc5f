// A contract's function: its name and types, and with them its selector, its call and its answer.
// It must never be made from what a peer says: contracts that Infernet calls are known beforehand.

/// A function of a contract.
public struct ABIFunction: Hashable, Sendable {
    public let name: String
    public let inputs: [ABIType]
    public let outputs: [ABIType]

    public init(_ name: String, _ inputs: [ABIType], returns outputs: [ABIType] = []) {
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
    }

    /// The name with its types, as the selector covers it.
    public var signature: String { "\(name)\(ABIType.tuple(inputs))" }

    /// The four bytes that choose the function.
    public var selector: [UInt8] { Array(Keccak256.hash(signature.utf8).prefix(4)) }

    /// The data of a call.
    public func call(_ arguments: [ABIValue]) throws(ABIError) -> [UInt8] {
        selector + (try ABI.encode(arguments, as: inputs))
    }

    /// The arguments in a call's data.
    public func arguments(of call: [UInt8]) throws(ABIError) -> [ABIValue] {
        guard call.starts(with: selector) else { throw .wrongSelector }
        return try ABI.decode(Array(call.dropFirst(4)), as: inputs)
    }

    /// The values that a call gave back.
    public func result(_ bytes: [UInt8]) throws(ABIError) -> [ABIValue] {
        try ABI.decode(bytes, as: outputs)
    }
}
