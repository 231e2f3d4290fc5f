// Says what the next engine computes with: looks at the machine, decides, and has a container of the engine's own image
// tell what it sees there. It must never hold up a job for long, nor try again and again what failed a moment ago.

import Logging
import NodeModel

/// The devices of this node's engines.
actor DeviceDesk {
    /// How long a failure is believed before it is tried again.
    static let grudge = Duration.seconds(600)

    private struct Known {
        let devices: EngineDevices
        let at: ContinuousClock.Instant
        var isFailure: Bool { !devices.isVulkan }
    }

    private let setting: DeviceSetting
    private let docker: DockerClient
    private let template: ContainerTemplate
    /// The name of the container that looks; no other has it.
    nonisolated let container: String
    private let find: @Sendable () async -> [GraphicsDevice]
    private let log: Logger
    private var imageHasVulkan: Bool?
    private var known: [DeviceChoice: Known] = [:]
    private var unfit: [ContentRoot: (choice: DeviceChoice, reason: String, at: ContinuousClock.Instant)] =
        [:]
    private var looking: Task<EngineDevices, Never>?
    /// What the last look gave; nil before the first.
    private(set) var latest: EngineDevices?

    init(
        _ setting: DeviceSetting, docker: DockerClient, template: ContainerTemplate, container: String,
        log: Logger, find: @escaping @Sendable () async -> [GraphicsDevice]
    ) {
        self.setting = setting
        self.docker = docker
        self.template = template
        self.container = container
        self.log = log
        self.find = find
    }

    /// What an engine with this model computes with.
    func devices(for model: EngineModel) async -> EngineDevices {
        let devices = await look()
        guard devices.isVulkan else { return devices }
        if let lack = devices.lack(for: model) { return .cpu(lack) }
        if let past = unfit[model.root], past.choice == devices.choice, past.at + Self.grudge > .now {
            return .cpu(past.reason)
        }
        return devices
    }

    /// What engines compute with, as things are now. Whoever comes while it is found out waits for the same answer.
    @discardableResult
    func look() async -> EngineDevices {
        if let looking { return await looking.value }
        let task = Task { await self.lookOnce() }
        looking = task
        let devices = await task.value
        looking = nil
        if latest != devices {
            log.notice("what engines compute with", metadata: ["devices": "\(devices.words)"])
        }
        latest = devices
        return devices
    }

    /// An engine with this model did not come up on the devices, and did on the CPU: the next one does not try.
    func avoid(_ devices: EngineDevices, for model: EngineModel, because reason: String) {
        log.warning("model not on the GPU", metadata: ["model": "\(model.name)", "reason": "\(reason)"])
        unfit[model.root] = (devices.choice, reason, .now)
    }

    /// An engine on the devices ended: they may be gone.
    func doubt() { known = known.filter { $0.value.isFailure } }

    /// Why models compute on the CPU although others do not.
    var exceptions: [String] {
        unfit.values.filter { $0.choice == latest?.choice && $0.at + Self.grudge > .now }.map(\.reason)
            .sorted()
    }

    private func lookOnce() async -> EngineDevices {
        if setting == .none {
            return .cpu(DeviceChoice.deciding(.none, imageHasVulkan: true, found: []).reason)
        }
        if imageHasVulkan == nil {
            // Without Docker there is no engine either; the check of Docker says that.
            imageHasVulkan = (try? await docker.image(template.image))?.hasVulkan
        }
        guard let imageHasVulkan else { return .cpu("the engine image cannot be looked at") }
        let choice = DeviceChoice.deciding(
            setting, imageHasVulkan: imageHasVulkan, found: await find())
        guard choice.isVulkan else { return .cpu(choice.reason) }
        if let known = known[choice], !known.isFailure || known.at + Self.grudge > .now {
            return known.devices
        }
        let devices = await sight(choice)
        known = [choice: Known(devices: devices, at: .now)]
        return devices
    }

    /// Has the engine's own program look, in a container with an engine's walls and these devices.
    private func sight(_ choice: DeviceChoice) async -> EngineDevices {
        let given = choice.isSoftware ? "Mesa's software Vulkan" : DeviceChoice.list(choice.given)
        do throws(DockerError) {
            try await docker.remove(container)
            let id = try await docker.create(template.sightBody(choice), name: container)
            try await docker.start(id)
            let code = try await docker.wait(id, within: .seconds(20))
            let lines = try await docker.lastLines(id, count: 64)
            try? await docker.remove(id)
            let seen = lines.compactMap(SeenDevice.init)
            if !seen.isEmpty { return EngineDevices(choice: choice, seen: seen) }
            let last = lines.last { !$0.isEmpty && !$0.hasPrefix("  (none)") && $0 != "Available devices:" }
            return .cpu(
                "an engine that is given \(given) sees no Vulkan device"
                    + (code == 0 ? "" : " (exit code \(code))") + (last.map { ": \($0)" } ?? ""))
        } catch {
            try? await docker.remove(container)
            return .cpu(
                "Docker cannot give an engine \(given): \(error.message)\(Self.advice(error, choice))")
        }
    }

    private static func advice(_ error: DockerError, _ choice: DeviceChoice) -> String {
        guard error.message.contains("device driver"), choice.given.contains(where: { $0.maker == .nvidia })
        else { return "" }
        return " (install the NVIDIA container toolkit and restart Docker)"
    }
}
