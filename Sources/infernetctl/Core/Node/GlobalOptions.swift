// The options that every command has.
// It must never hold a default path: that is NodePaths'.

import ArgumentParser
import Glibc
import NodeConfig

/// Where the node is and how its answers are shown.
struct GlobalOptions: ParsableArguments {
    @Option(help: "The node's run directory (default: INFERNET_RUN_DIR, else /run/infernet or your own).")
    var runDir: String?

    @Flag(help: "Print JSON for programs.")
    var json = false

    var node: Node { Node(runDirectory: runDirectory) }
    var output: Output { .standard }

    /// The directory named, or the default; a person who is not root is led to the system's node when there is one.
    var runDirectory: String {
        if let runDir { return runDir }
        let own = NodePaths.defaultRunDirectory
        let system = "/run/infernet"
        if getenv("INFERNET_RUN_DIR") == nil, access(own, F_OK) != 0, access(system, X_OK) == 0 {
            return system
        }
        return own
    }
}
