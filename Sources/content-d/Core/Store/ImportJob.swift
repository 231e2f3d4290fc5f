// One import from the event loop's side: the copy runs on a blocking thread, its progress comes back as events.
// It must never leave the handed-over descriptor open, nor copy on after the caller is gone.

import Glibc
import Synchronization

/// An import under way.
struct ImportJob: Sendable {
    /// The shortest time between two events.
    private static let pace = Duration.milliseconds(50)

    var descriptor: Int32
    var name: String
    var token: String

    /// Copies the file into the store.
    ///
    /// - Parameter report: told how many bytes of how many are done; a slow reader skips some.
    func run(
        in store: ContentStore, report: @Sendable (Int64, Int64) async throws -> Void
    ) async throws -> (item: StoreIndex.Item, existed: Bool) {
        let stopped = StopFlag()
        let (progress, feed) = AsyncStream.makeStream(
            of: (Int64, Int64).self, bufferingPolicy: .bufferingNewest(1))
        async let result = Blocking.run {
            defer {
                close(descriptor)
                feed.finish()
            }
            return try store.take(descriptor, name: name, token: token, isCancelled: { stopped.isSet }) {
                feed.yield(($0, $1))
            }
        }
        do {
            var next = ContinuousClock.now
            for await (done, total) in progress where ContinuousClock.now >= next || done == total {
                next = .now + Self.pace
                try await report(done, total)
            }
            try Task.checkCancellation()
        } catch {
            stopped.set()
            _ = try? await result
            throw error
        }
        return try await result
    }
}

/// Tells a blocking thread to stop.
final class StopFlag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}
