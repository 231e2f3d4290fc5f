// The devices of this machine as they are now: looked at once, and again while somebody asks and there is a GPU.
// It must never run a tool that nobody waits for, nor tell free memory that was read long ago.

import Interfaces

/// Looks at the hardware again and again.
actor DeviceWatch {
    /// How often at most a tool is run; what is told is at most twice as old, and the time that the tool takes.
    static let interval = Duration.seconds(10)

    private let look: @Sendable () async -> Hardware
    private var first: Task<Hardware, Never>
    private var latest: Hardware?
    private var isAsked = false

    init(look: @escaping @Sendable () async -> Hardware = { await HardwareProbe.look() }) {
        self.look = look
        first = Task { await look() }
    }

    /// The devices. The first answer takes as long as the first look; later ones take no time.
    func hardware() async -> Hardware {
        isAsked = true
        if let latest { return latest }
        return await first.value
    }

    /// What would be told of the first device's free memory, without asking for it.
    var unaskedFree: Int? { latest?.devices.first?.freeMiB }

    /// Keeps what is told fresh until cancelled.
    func run(every interval: Duration = interval) async throws {
        var known = await first.value
        while true {
            try await Task.sleep(for: interval)
            guard known.hasGPU else { continue }
            known = isAsked ? known.after(await look()) : known.withoutFree
            isAsked = false
            latest = known
        }
    }
}
