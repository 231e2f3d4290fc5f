// Runs a real child to its end for the tests here and keeps what it wrote.

import Glibc
import Synchronization

@testable import NodeSystem

struct ChildRun {
    var output: String
    var exit: ChildExit

    /// Starts `sh -c script` with what `adjust` changes, and reads its output to the end.
    static func shell(
        _ script: String, on thread: SpawnThread, adjust: (inout SpawnRequest) -> Void = { _ in }
    ) async throws -> ChildRun {
        let (reading, writing) = try BytePipe.make()
        defer { close(reading) }
        _ = fcntl(reading, F_SETFL, 0)
        var request = SpawnRequest(
            executable: "/bin/sh", arguments: ["-c", script], environment: ["PATH": "/usr/bin:/bin"])
        request.standardOutput = writing
        request.standardError = writing
        adjust(&request)
        let exit = ExitBox()
        do {
            _ = try await thread.spawn(request) { exit.set($0) }
        } catch {
            close(writing)
            throw error
        }
        close(writing)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(reading, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        return ChildRun(output: String(decoding: bytes, as: UTF8.self), exit: await exit.value())
    }

    /// The descriptors a process has open.
    static func openDescriptors(of pid: Int32) -> [Int32] {
        guard let folder = opendir("/proc/\(pid)/fd") else { return [] }
        defer { closedir(folder) }
        var found: [Int32] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int32(name) { found.append(number) }
        }
        return found.sorted()
    }
}

/// Waits for one exit.
final class ExitBox: Sendable {
    private let state = Mutex<(exit: ChildExit?, waiter: CheckedContinuation<ChildExit, Never>?)>((nil, nil))

    func set(_ exit: ChildExit) {
        let waiter = state.withLock { state in
            state.exit = exit
            return state.waiter
        }
        waiter?.resume(returning: exit)
    }

    func value() async -> ChildExit {
        await withCheckedContinuation { continuation in
            let known: ChildExit? = state.withLock { state in
                if state.exit == nil { state.waiter = continuation }
                return state.exit
            }
            if let known { continuation.resume(returning: known) }
        }
    }
}
