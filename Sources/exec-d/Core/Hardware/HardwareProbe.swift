// Looks at the machine: runs the vendors' tools, reads /proc and /sys.
// It must never run a tool without a deadline, nor one that does not lie in a system directory.

import Glibc
import Interfaces
import NodeSystem

/// Collects what ``Hardware`` judges.
enum HardwareProbe {
    private static let directories = ["/usr/bin", "/usr/local/bin", "/opt/rocm/bin", "/bin"]

    /// - Parameter limit: how long each tool may take; a driver that hangs must not hang us.
    static func look(within limit: Duration = .seconds(5)) async -> Hardware {
        async let nvidia = run("nvidia-smi", DeviceReports.nvidiaArguments, limit)
        async let amd = run("rocm-smi", DeviceReports.amdArguments, limit)
        return Hardware(
            nvidia: await nvidia, amd: await amd, cards: cards(),
            cpuinfo: SmallFile.read("/proc/cpuinfo") ?? "",
            meminfo: SmallFile.read("/proc/meminfo") ?? "")
    }

    static func cards(_ folder: String = "/sys/class/drm") -> [DRMCard] {
        SmallFile.list(folder).filter { $0.hasPrefix("card") && !$0.contains("-") }.sorted().compactMap {
            name in
            guard let vendor = SmallFile.read("\(folder)/\(name)/device/vendor") else { return nil }
            return DRMCard(name: name, vendor: String(vendor.prefix { !$0.isWhitespace }))
        }
    }

    static func run(
        _ tool: String, _ arguments: [String], _ limit: Duration, in directories: [String] = directories
    ) async -> ToolReport {
        guard
            let path = directories.lazy.map({ $0 + "/" + tool }).first(where: { (path: String) in
                access(path, X_OK) == 0
            })
        else {
            return .absent
        }
        do {
            let thread = try SpawnThread()
            defer { thread.stop() }
            return try await output(path, arguments, limit, thread)
        } catch { return .failed("\(error)") }
    }

    private static func output(
        _ path: String, _ arguments: [String], _ limit: Duration, _ thread: SpawnThread
    ) async throws -> ToolReport {
        let pipe = try BytePipe.make()
        defer { close(pipe.reading) }
        var request = SpawnRequest(
            executable: path, arguments: arguments, environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"])
        request.standardOutput = pipe.writing
        let (exits, exited) = AsyncStream.makeStream(of: ChildExit.self)
        let child: ChildProcess
        do {
            child = try await thread.spawn(request) { exit in
                exited.yield(exit)
                exited.finish()
            }
            close(pipe.writing)
        } catch {
            close(pipe.writing)
            throw error
        }
        let deadline = Task {
            try await Task.sleep(for: limit)
            child.signal(SIGKILL)
        }
        var end: ChildExit?
        for await exit in exits { end = exit }
        deadline.cancel()
        // Both tools write far less than a pipe holds, so nothing is lost by reading after the end.
        let text = SmallFile.drain(pipe.reading)
        switch end {
        case .exited(0): return .output(text)
        case .signalled(SIGKILL): return .failed("it gave no answer within \(limit)")
        default:
            let said = text.split(whereSeparator: \.isNewline).first.map { ": \($0)" } ?? ""
            return .failed("\(end.map(String.init(describing:)) ?? "unknown end")\(said)")
        }
    }
}
