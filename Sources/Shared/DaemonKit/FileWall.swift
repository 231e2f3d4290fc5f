// Which files a row of the service table gives, as Landlock rules: made by the parent in spawned mode, by the daemon for
// itself where systemd starts it. It must never give what the row does not say.

import Glibc
public import NodeSystem
public import Policy

/// The wall around the files of one daemon.
public enum FileWall {
    /// A ruleset that allows what a row allows.
    ///
    /// - Parameters:
    ///   - state: its own directory that lasts.
    ///   - runtime: its own directory that goes with the boot.
    ///   - executable: what it may execute besides its libraries' loader.
    ///   - readable: what it may read besides what every daemon and its row may.
    /// - Throws: `SystemError` when the kernel has no Landlock or refuses a rule.
    public static func ruleset(
        for row: ServiceRow, state: String, runtime: String, executable: [String], readable: [String] = []
    ) throws -> LandlockRuleset {
        let ruleset = try LandlockRuleset(forbidsTCP: row.network != .own)
        try ruleset.allow(.own, at: state)
        try ruleset.allow(.own, at: runtime)
        let libraries = try LoadedLibraries.current()
        // The loader is executed by the kernel, libraries are only mapped by the loader.
        for path in ServiceTable.libraries + libraries.folders { try ruleset.allow(.read, at: path) }
        if let loader = libraries.loader { try ruleset.allow(.execute, at: loader) }
        for path in executable { try ruleset.allow(.execute, at: path) }
        for path in ServiceTable.readableByAll + row.readable + readable {
            try ruleset.allow(.read, at: path)
        }
        try ruleset.allow(.device, at: "/dev/null")
        for device in row.devices {
            for node in matching(device.nodes) { try ruleset.allow(.device, at: node) }
        }
        return ruleset
    }

    /// Puts this process behind the wall for good. Only while it has one thread: the others would stay outside.
    ///
    /// - Returns: what stands, in words.
    /// - Throws: `SystemError` when the kernel has no Landlock or refuses.
    static func confine(_ contract: ParentContract, _ row: ServiceRow) throws -> String {
        let wall = try ruleset(
            for: row, state: contract.stateDirectory, runtime: contract.runtimeDirectory,
            executable: row.executable, readable: [contract.credentialsDirectory].compactMap { $0 })
        try wall.confineSelf()
        return "Landlock \(wall.version)"
    }

    /// Paths by a pattern.
    private static func matching(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}
