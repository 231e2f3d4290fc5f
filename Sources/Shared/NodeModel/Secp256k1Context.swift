// The one libsecp256k1 context of a process, randomised before its first use (blinding against side channels).
// It must never be changed after that: everything done with it then needs no lock.

import CSecp256k1

/// The process-wide libsecp256k1 context.
public enum Secp256k1Context {
    /// The randomised context. Safe to use from every thread: it is never written to again.
    ///
    /// Callers must not pass it to functions that change a context (`randomize`, `destroy`, callbacks).
    public static var shared: OpaquePointer { holder.pointer }

    private static let holder = Holder()

    private final class Holder: @unchecked Sendable {  // immutable, and so is its target
        let pointer: OpaquePointer

        init() {
            guard let made = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
                // Only a failed allocation of a few hundred bytes ends here; nothing outside can cause it.
                preconditionFailure("libsecp256k1 could not allocate its context")
            }
            var generator = SystemRandomNumberGenerator()
            let seed = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            let done = secp256k1_context_randomize(made, seed)
            precondition(done == 1, "libsecp256k1 refused to randomise its context")
            pointer = made
        }
    }
}
