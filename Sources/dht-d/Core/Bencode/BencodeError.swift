// Why a packet is not canonical bencode.
// It must never carry bytes of the packet: these names go into logs and counters.

/// Each way in which input can fail to be canonical bencode within the limits.
public enum BencodeError: String, Error, Equatable, Sendable, CaseIterable {
    /// The input ends inside a value.
    case truncated
    /// Bytes follow the value.
    case trailingBytes
    /// Not an integer: empty, `-0`, leading zero, no `e`, or outside 64 bits.
    case badInteger
    /// A string length with a leading zero, without a colon, or too long to be a length.
    case badLength
    /// A byte that starts no value.
    case unexpectedByte
    /// A dictionary key that is no byte string.
    case keyNotString
    /// Dictionary keys that do not rise strictly.
    case keysNotSorted
    /// More levels than allowed.
    case tooDeep
    /// More values than allowed.
    case tooManyValues
    /// More bytes than allowed.
    case tooLarge
}
