// The one container that exec-d ever creates: no network, no capabilities, nothing to write but its own folder.
// It must never take an option from a caller: image, model, folder, devices and configured limits are all that vary.

import NodeConfig
import NodeModel
import Wire

/// A hardened container that runs one engine with one model.
struct ContainerTemplate: Sendable {
    /// The limits that the configuration sets for every engine.
    struct Limits: Hashable, Sendable {
        var slots: Int
        var threads: Int
        /// Tokens of prompt and answer together, for each slot.
        var context: Int
        var maxTokens: Int
        var memoryMiB: Int
        var milliCPUs: Int
        var pids: Int

        init(_ section: ExecSection) {
            slots = section.slots
            threads = section.threads
            context = section.context
            maxTokens = section.maxTokens
            memoryMiB = section.memoryMiB
            milliCPUs = section.milliCPUs
            pids = section.pidsLimit
        }
    }

    static let nodeLabel = "infernet.node"
    static let modelLabel = "infernet.model"
    static let socketName = "llm.sock"
    private static let modelPath = "/models/model.gguf"
    private static let folderPath = "/run/job"

    /// The pinned image: `sha256:` and 64 hexadecimal characters.
    let image: String
    /// Which node's containers these are: a value that no other node on this machine has.
    let node: String
    /// `uid:gid` inside the container.
    let user: String
    let limits: Limits

    /// - Throws: `config_invalid` unless the image is pinned by id: a name can come to mean another image.
    init(image: String, node: String, user: String, limits: Limits) throws(WireError) {
        guard Self.isPinned(image) else {
            throw WireError(
                .configInvalid,
                image.isEmpty ? "No engine image is configured." : "'\(image)' is not an image id.",
                fix:
                    "Set exec.image to the id that `engine/load` prints: 'sha256:' and 64 hexadecimal characters."
            )
        }
        self.image = image
        self.node = node
        self.user = user
        self.limits = limits
    }

    static func isPinned(_ image: String) -> Bool {
        image.hasPrefix("sha256:") && Digest(hex: String(image.dropFirst(7))) != nil
    }

    /// The container for one engine.
    /// - Parameters:
    ///   - modelPath: the verified file, mounted read-only.
    ///   - folder: the engine's own folder, the only place it can write to besides a small `/tmp`.
    ///   - devices: what it computes with besides the CPU.
    func body(
        modelRoot: ContentRoot, modelPath: String, folder: String, devices: DeviceChoice = DeviceChoice()
    ) -> ContainerBody {
        body(
            arguments(devices), labels: [Self.modelLabel: modelRoot.hex], devices,
            mounts: [
                ContainerBody.Mount(
                    type: "bind", source: modelPath, target: Self.modelPath, readOnly: true),
                ContainerBody.Mount(
                    type: "bind", source: folder, target: Self.folderPath, readOnly: false),
            ])
    }

    /// The container in which the engine's program says what devices it sees, with an engine's walls and no model.
    func sightBody(_ devices: DeviceChoice) -> ContainerBody {
        body(["--list-devices"], labels: [:], devices, mounts: [])
    }

    private func body(
        _ arguments: [String], labels: [String: String], _ devices: DeviceChoice,
        mounts: [ContainerBody.Mount]
    ) -> ContainerBody {
        let parts = DeviceParts(devices)
        return ContainerBody(
            image: image,
            // The first process ignores SIGPIPE, passes the exit status on, and lets exec-d's user reach the socket.
            entrypoint: ["/bin/sockrelay"],
            cmd: ["--", "/bin/llama-server"] + arguments,
            user: user,
            networkDisabled: true,
            labels: labels.merging([Self.nodeLabel: node]) { own, _ in own },
            env: parts.environment,
            hostConfig: ContainerBody.Host(
                networkMode: "none",
                readonlyRootfs: true,
                capDrop: ["ALL"],
                securityOpt: ["no-new-privileges"],
                memory: Int64(limits.memoryMiB) << 20,
                memorySwap: Int64(limits.memoryMiB) << 20,
                nanoCPUs: Int64(limits.milliCPUs) * 1_000_000,
                // A driver has threads of its own, as many as the machine has CPUs and more.
                pidsLimit: limits.pids + (devices.isVulkan ? DeviceParts.threads : 0),
                ipcMode: "none",
                tmpfs: ["/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"],
                ulimits: [
                    ContainerBody.Limit(name: "core", soft: 0, hard: 0),
                    ContainerBody.Limit(name: "nofile", soft: 1024, hard: 1024),
                ],
                logConfig: ContainerBody.Log(type: "json-file", config: ["max-file": "1", "max-size": "1m"]),
                mounts: mounts,
                // Under memory pressure the kernel ends an engine before the node or its neighbours.
                oomScoreAdj: 500,
                deviceRequests: parts.requests,
                devices: parts.nodes,
                groupAdd: parts.groups))
    }

    private func arguments(_ devices: DeviceChoice) -> [String] {
        // A GPU reads a prompt fast in large batches only, and a large one is short there.
        let batch = devices.given.isEmpty ? "64" : "512"
        return [
            "-m", Self.modelPath, "--host", "\(Self.folderPath)/\(Self.socketName)",
            "-c", String(limits.context * limits.slots), "-np", String(limits.slots), "-t",
            String(limits.threads),
            // Left to itself it starts one for every core of the machine, and on a large one dies of `pids`.
            "--threads-http", String(limits.slots + 4),
            // A batch bounds how long a prompt holds up the tokens of other slots, and a caller who left his own:
            // the engine looks up only between batches.
            "-b", batch, "-ub", batch,
            "-n", String(limits.maxTokens),
            // Nothing of a prompt outlives its slot, in memory or in the log.
            "-cram", "0", "--log-verbosity", "1", "--no-ui", "--offline",
        ] + (devices.isVulkan ? ["-ngl", "99"] : [])  // all layers, of any model
    }
}
