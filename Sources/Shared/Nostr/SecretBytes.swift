// Memory for a secret: locked against swapping where the system allows, wiped before it is given back.
// It must never be copied into an array, except where a caller asks for bytes to store.

import Glibc

/// A fixed run of secret bytes.
final class SecretBytes: @unchecked Sendable {  // written once, in init
    private let storage: UnsafeMutableRawBufferPointer

    init(_ bytes: some Collection<UInt8>) {
        storage = .allocate(byteCount: bytes.count, alignment: 16)
        storage.copyBytes(from: bytes)
        // Refused beyond RLIMIT_MEMLOCK; the secret is then as safe as the machine's swap.
        _ = mlock(storage.baseAddress, storage.count)
    }

    deinit {
        Self.wipe(storage)
        _ = munlock(storage.baseAddress, storage.count)
        storage.deallocate()
    }

    func withPointer<R>(_ body: (UnsafePointer<UInt8>) throws -> R) rethrows -> R {
        try storage.withMemoryRebound(to: UInt8.self) { buffer in
            guard let start = UnsafePointer(buffer.baseAddress) else {
                preconditionFailure("a secret has at least one byte")
            }
            return try body(start)
        }
    }

    /// Overwrites memory in a way that the compiler may not leave out.
    static func wipe(_ memory: UnsafeMutableRawBufferPointer) {
        guard let start = memory.baseAddress else { return }
        explicit_bzero(start, memory.count)
    }
}
