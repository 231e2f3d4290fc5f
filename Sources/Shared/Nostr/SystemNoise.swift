// Random bytes of the system's, eight at a time: each number asked of it is a system call, and a signature wants 32 bytes.
// It must never keep any of them: what one signature was protected with protects no other.

/// The system's random source.
enum SystemNoise {
    static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0.prefix(count - bytes.count)) }
        }
        return bytes
    }
}
