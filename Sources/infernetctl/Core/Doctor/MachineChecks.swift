// What the doctor looks at without asking any daemon: the kernel, cgroups, Docker's socket, the configuration, the key.
// It must never fail a check for what only a stranger to this machine could want: what is optional is said, not failed.

import ConfigFile
import FoundationEssentials
import Glibc
import NodeConfig
import NodeSystem
import Wire

/// Checks of the machine itself; each by itself.
struct MachineChecks: Sendable {
    var config = NodePaths.defaultConfigFile
    var kernel = "/proc/sys/kernel/osrelease"
    var modules = "/sys/kernel/security/lsm"
    var cgroups = "/sys/fs/cgroup"
    var process = "/proc/self/status"

    func all() -> [DoctorCheck] {
        [kernelFeatures(), cgroupTree(), configuration()] + share() + GraphicsCheck().all()
            + (Systemd.hasNode ? [units(), key()] : [])
    }

    func kernelFeatures() -> DoctorCheck {
        let release = text(kernel).oneSpaced
        guard text(process).contains("\nSeccomp:") else {
            return .failed(
                "kernel", "\(release) has no seccomp, so system calls cannot be kept from daemons",
                fix: "Use a kernel with CONFIG_SECCOMP_FILTER; every Debian kernel has it.")
        }
        let landlock = text(modules).contains("landlock") ? "Landlock" : "no Landlock"
        return .ok("kernel", "\(release), seccomp, \(landlock)")
    }

    func cgroupTree() -> DoctorCheck {
        let unified = text("\(cgroups)/cgroup.controllers")
        if !unified.isEmpty {
            let needed = ["memory", "pids"].filter {
                !unified.split(whereSeparator: \.isWhitespace).contains(Substring($0))
            }
            return needed.isEmpty
                ? .ok("cgroups", "unified, with \(unified.oneSpaced)")
                : .failed(
                    "cgroups", "the kernel does not limit \(needed.joined(separator: ", "))",
                    fix: "Boot with cgroup_enable=memory, or without cgroup_disable.")
        }
        let missing = ["memory", "pids"].filter { access("\(cgroups)/\($0)", F_OK) != 0 }
        return missing.isEmpty
            ? .ok("cgroups", "a hierarchy for each controller")
            : .failed(
                "cgroups", "no controller \(missing.joined(separator: ", ")) is mounted at \(cgroups)",
                fix: "Memory and process limits do nothing without it; mount the hierarchy or use systemd.")
    }

    func configuration() -> DoctorCheck {
        guard access(config, F_OK) == 0 else { return .ok("config", "all defaults; there is no \(config)") }
        do {
            _ = try ConfigFile.read(config)
            return .ok("config", "\(config) is right")
        } catch { return .failed("config", error) }
    }

    /// Whether engines may use what this machine has; nothing where none is configured.
    private func share() -> [DoctorCheck] {
        guard let exec = (try? ConfigFile.read(config))?.exec, !exec.image.isEmpty else { return [] }
        return [Self.share(exec, of: .here)]
    }

    static func share(_ exec: ExecSection, of machine: MachineSize) -> DoctorCheck {
        let wanted = EngineSizing(cores: machine.cores, memoryMiB: machine.memoryMiB)
        guard let waste = EngineSizing.waste(exec, cores: machine.cores, memoryMiB: machine.memoryMiB) else {
            return .ok("engines' share", "\(exec.threads) threads and \(exec.memoryMiB) MiB each")
        }
        return .warned(
            "engines' share", waste,
            fix: "Under exec: " + wanted.lines.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
                + " (\(EngineSizing.rule)).")
    }

    private func units() -> DoctorCheck {
        guard
            let failed = try? Tool.run([
                "systemctl", "list-units", "--failed", "--plain", "--no-legend", "infernet*",
            ])
        else { return .skipped("units", "systemctl does not answer") }
        let names = failed.output.split(separator: "\n").compactMap { $0.split(separator: " ").first }
        guard names.isEmpty else {
            return .failed(
                "units", "failed: \(names.joined(separator: ", "))",
                fix: "journalctl -u \(names[0]) says why; then: sudo infernetctl setup")
        }
        return .ok("units", "none has failed")
    }

    private func key() -> DoctorCheck {
        guard geteuid() == 0 else { return .skipped("key", "only root can see whether it is sealed") }
        return access(SealedKey().sealed, F_OK) == 0
            ? .ok("key", "sealed to this machine")
            : .failed(
                "key", "it is not sealed: who gets ledger-d's files gets it", fix: "sudo infernetctl setup")
    }

    private func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

extension String {
    fileprivate var oneSpaced: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
