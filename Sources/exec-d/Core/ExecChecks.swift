// What stands between this node and running a job, each with its reason and its remedy.
// It must never wait longer than a person would: all of it has two seconds.

import Interfaces
import NIOConcurrencyHelpers
import NodeSystem
import Wire

/// The checks of exec-d.
struct ExecChecks: Sendable {
    typealias Check = ControlInterface.Check

    /// Below this an engine's log and the record of runs may meet a full disk.
    static let headroom: UInt64 = 256 << 20

    let docker: DockerClient
    let image: String
    let stateDirectory: String
    let upkeep: Upkeep
    let desk: DeviceDesk?
    private let patience = NIOLockedValueBox(DockerPatience())
    private let lastLook = NIOLockedValueBox<(checks: [Check], at: ContinuousClock.Instant)?>(nil)

    init(
        docker: DockerClient, image: String, stateDirectory: String, upkeep: Upkeep, desk: DeviceDesk? = nil
    ) {
        self.desk = desk
        self.docker = docker
        self.image = image
        self.stateDirectory = stateDirectory
        self.upkeep = upkeep
    }

    /// For status and doctor: everything that is not as the configuration wants it.
    func all() async -> [Check] {
        guard !image.isEmpty else {
            let chosen = Check(
                name: "engine", ok: true, reason: "no engine is configured: this node's jobs go to others")
            return [chosen, disk(), await record()]
        }
        return await machine() + computing() + upkeep.modelChecks()
    }

    /// What engines compute with, and why not with more. Never a failure: an engine on the CPU answers as well.
    private func computing() async -> [Check] {
        guard let desk, let devices = await desk.latest else { return [] }
        let exceptions = await desk.exceptions.map { "; on the CPU: " + $0 }.joined()
        return [
            Check(name: "computing", ok: true, reason: "engines compute on \(devices.words)\(exceptions)")
        ]
    }

    /// Whether this machine can run a job at all, whatever became of one model.
    func machine() async -> [Check] {
        async let engine = dockerAndImage()
        let checks = await engine + [disk(), await record()]
        lastLook.withLockedValue { $0 = (checks, .now) }
        return checks
    }

    /// The same for the planner, which jobs wait for: Docker takes long to answer, and is asked every few seconds
    /// anyway. What was wrong is looked at again.
    func remembered() async -> [Check] {
        if let last = lastLook.withLockedValue({ $0 }), last.at.duration(to: .now) < .seconds(5),
            last.checks.allSatisfy(\.ok)
        {
            return last.checks
        }
        return await machine()
    }

    private func dockerAndImage() async -> [Check] {
        do throws(DockerError) {
            let found = try await askDocker(.milliseconds(1_000))
            patience.withLockedValue { $0.remember(found, at: .now) }
            return found
        } catch {
            if let held = patience.withLockedValue({ $0.stillHolds(after: error, at: .now) }) { return held }
            let unknown = Check(
                name: "image", ok: false, reason: "cannot be looked for while Docker cannot be used",
                fix: error.fix)
            return [failed("docker", error), notPinned ?? unknown]
        }
    }

    private func askDocker(_ limit: Duration) async throws(DockerError) -> [Check] {
        let version = try await docker.version(within: limit)
        guard version.spoken != nil else {
            let reason =
                "engine \(version.version) speaks API \(version.apiVersion); \(DockerVersion.wanted) is needed"
            return [Check(name: "docker", ok: false, reason: reason, fix: "Install Docker 20.10 or later.")]
        }
        let answers = Check(
            name: "docker", ok: true, reason: "engine \(version.version), API \(version.apiVersion)")
        return [answers, try await imageCheck(limit)]
    }

    /// What is wrong with the configuration, whatever Docker says; nil when nothing is.
    private var notPinned: Check? {
        guard !ContainerTemplate.isPinned(image) else { return nil }
        return Check(
            name: "image", ok: false, reason: "no engine image is configured",
            fix: "Set exec.image to the id that `engine/load` prints.")
    }

    private func imageCheck(_ limit: Duration) async throws(DockerError) -> Check {
        if let notPinned { return notPinned }
        do throws(DockerError) {
            let found = try await docker.image(image, within: limit)
            guard found.id == image else {
                return Check(
                    name: "image", ok: false, reason: "Docker has \(found.id) where \(image) is pinned",
                    fix: "Run `engine/load` from the source tree.")
            }
            return Check(name: "image", ok: true, reason: "\(image.prefix(19)) is there")
        } catch {
            if error.kind == .slow { throw error }
            return failed("image", error)
        }
    }

    private func disk() -> Check {
        let free: UInt64
        do { free = try DiskSpace.of(stateDirectory).freeBytes } catch {
            return Check(name: "disk", ok: false, reason: "\(error)", fix: "Make exec-d's state directory.")
        }
        let mib = free >> 20
        guard free >= Self.headroom else {
            return Check(
                name: "disk", ok: false, reason: "only \(mib) MiB are free for exec-d at \(stateDirectory)",
                fix: "Make room: \(Self.headroom >> 20) MiB are needed.")
        }
        return Check(name: "disk", ok: true, reason: "\(mib) MiB free")
    }

    private func record() async -> Check {
        guard let problem = await upkeep.storeProblem else {
            return Check(name: "record", ok: true, reason: "runs are recorded")
        }
        return Check(name: "record", ok: false, reason: problem.message, fix: problem.fix)
    }

    private func failed(_ name: String, _ error: DockerError) -> Check {
        Check(name: name, ok: false, reason: error.message, fix: error.fix)
    }
}
