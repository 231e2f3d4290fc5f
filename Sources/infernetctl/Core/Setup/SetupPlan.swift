// The steps of `infernetctl setup`, in the order in which they need each other.
// It must never know a user, a unit or an address by itself: the package's files and the configuration name them.

import ConfigFile
import FoundationEssentials
import Glibc
import NodeConfig
import NodeSystem
import Wire

/// What is done to make a node of this machine.
struct SetupPlan: Sendable {
    /// The engine image's archive, when the person names one.
    var engine: String?
    var accounts = "/usr/lib/sysusers.d/infernet.conf"
    var directories = "/usr/lib/tmpfiles.d/infernet.conf"
    var config = NodePaths.defaultConfigFile
    var dockerSocket = "/run/docker.sock"

    var steps: [SetupStep] {
        [
            SetupStep(name: "users", look: users), SetupStep(name: "configuration", look: configuration),
            SetupStep(name: "key", look: { try SealedKey().look() }),
            SetupStep(name: "hardware", look: hardware), SetupStep(name: "share", look: share),
            SetupStep(name: "docker", look: docker),
            SetupStep(name: "engine", look: engineImage), SetupStep(name: "start", look: start),
        ]
    }

    @Sendable private func users() throws -> SetupStep.Finding {
        guard let data = FileManager.default.contents(atPath: accounts) else {
            return .blocked(
                "\(accounts) is missing: infernet was not installed as a package",
                fix: "Install the package, or run infernet-supervisor by yourself.", ends: true)
        }
        let names = String(decoding: data, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("u ") }
            .compactMap { $0.split(separator: " ").dropFirst().first.map(String.init) }
        let missing = try names.filter { try UserAccount.find($0) == nil }
        if missing.isEmpty { return .fine("\(names.count) users, one for each process") }
        return .needed("make the users \(missing.joined(separator: ", "))") { [accounts, directories] in
            try Tool.must(["systemd-sysusers", accounts])
            try Tool.must(["systemd-tmpfiles", "--create", directories])
            return "\(missing.count) users were made"
        }
    }

    @Sendable private func configuration() throws -> SetupStep.Finding {
        guard access(config, F_OK) == 0 else {
            return .needed("write \(config), with all defaults") { [config] in
                try Data("# All defaults; 'infernetctl config show' prints them.\n".utf8).write(
                    to: URL(filePath: config), options: .atomic)
                return "\(config) was written"
            }
        }
        do {
            _ = try ConfigFile.read(config)
            return .fine("\(config) is right")
        } catch let error as WireError { return .blocked(error.message, fix: error.fix, ends: true) }
    }

    @Sendable private func hardware() throws -> SetupStep.Finding {
        var words = ["\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) CPU threads"]
        let memory = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        words.append("\(Units.bytes(memory)) memory")
        if let smi = try? Tool.run(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]),
            smi.isFine
        {
            words += smi.output.split(separator: "\n").map { "GPU \($0)" }
        } else {
            words.append(access("/dev/kfd", F_OK) == 0 ? "an AMD GPU" : "no GPU that its driver shows")
        }
        return .fine(words.joined(separator: ", "))
    }

    /// How much of the machine an engine is given: written once, where nobody has written it.
    @Sendable private func share() throws -> SetupStep.Finding {
        let text =
            FileManager.default.contents(atPath: config).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return try Self.share(of: MachineSize.here, in: text) { [config] new in
            _ = try ConfigFile.parse(new)
            try Data(new.utf8).write(to: URL(filePath: config), options: .atomic)
        }
    }

    /// The same for any machine and any text.
    static func share(
        of machine: MachineSize, in text: String, write: @escaping @Sendable (String) throws -> Void
    ) throws -> SetupStep.Finding {
        let wanted = EngineSizing(cores: machine.cores, memoryMiB: machine.memoryMiB)
        let words = wanted.lines.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        var exec: SectionLines
        do { exec = try SectionLines("exec", in: text, wanted: words) } catch let error as WireError {
            return .blocked(error.message, fix: error.fix, ends: false)
        }
        let written = wanted.lines.map(\.key).filter(exec.has)
        guard written.isEmpty else {
            return .fine(
                "\(written.joined(separator: ", ")) of exec \(written.count == 1 ? "is" : "are") as somebody wrote"
            )
        }
        for (key, value) in wanted.lines.reversed() { exec.set(key, value) }
        let new = exec.text
        return .needed("write under exec: \(words) (\(EngineSizing.rule))") {
            try write(new)
            return "an engine gets \(words)"
        }
    }

    @Sendable private func docker() throws -> SetupStep.Finding {
        guard access(dockerSocket, F_OK) == 0 else {
            return .blocked(
                "nobody listens on \(dockerSocket), so this node can ask but not serve",
                fix: "sudo apt install docker.io, then: sudo infernetctl setup", ends: false)
        }
        var info = stat()
        guard stat(dockerSocket, &info) == 0, let group = try GroupAccount.find("docker"),
            info.st_gid == group,
            info.st_mode & 0o060 == 0o060
        else {
            return .blocked(
                "\(dockerSocket) is not the group docker's, so exec-d cannot use it",
                fix: "sudo systemctl restart docker.socket docker.service", ends: false)
        }
        return .fine("\(dockerSocket) is there for the group docker, and of Infernet only exec-d is in it")
    }

    @Sendable private func engineImage() throws -> SetupStep.Finding {
        let configured = (try? ConfigFile.read(config))?.exec.image ?? ""
        if let engine {
            return .needed("load \(engine) into Docker, and name it in \(config)") {
                try EngineImage(config: config).load(engine)
            }
        }
        guard !configured.isEmpty else {
            return .blocked(
                "no engine image is configured, so this node can ask but not serve",
                fix: "sudo infernetctl setup --engine FILE, with what engine/build made", ends: false)
        }
        guard let seen = try? Tool.run(["docker", "image", "inspect", "--format", "{{.Id}}", configured])
        else {
            return .fine("\(configured); whether Docker has it is not known: no docker command is here")
        }
        if seen.isFine { return .fine(configured) }
        return .blocked(
            "Docker does not have \(configured)", fix: "sudo infernetctl setup --engine FILE", ends: false)
    }

    @Sendable private func start() throws -> SetupStep.Finding {
        guard Systemd.hasNode else {
            return .blocked(
                "systemd does not run here", fix: "Start infernet-supervisor by your own means.", ends: false)
        }
        return try NodeStart(config: config).look()
    }
}
