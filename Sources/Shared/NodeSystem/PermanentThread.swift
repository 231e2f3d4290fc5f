// A thread that lives until its body returns, with a name that ps shows. It must never be borrowed from a pool: the
// kernel ties the parent-death signal of a child to the thread that spawned it.

import CHost
import Glibc

enum PermanentThread {
    /// Starts a detached thread.
    static func start(_ name: StaticString, _ body: @escaping @Sendable () -> Void) throws {
        let box = Unmanaged.passRetained(Box(name, body))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let box = Unmanaged<Box>.fromOpaque(context).takeRetainedValue()
                chost_name_thread(box.name.utf8Start)
                box.body()
                return nil
            }, box.toOpaque())
        if failure != 0 {
            box.release()
            throw SystemError(call: "cannot start the thread \(name)", errno: failure)
        }
        pthread_detach(thread)
    }

    private final class Box: Sendable {
        let name: StaticString
        let body: @Sendable () -> Void

        init(_ name: StaticString, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
