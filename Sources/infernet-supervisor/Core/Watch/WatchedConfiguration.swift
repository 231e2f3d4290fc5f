// The configuration's file as the house under systemd sees it: what it says now, or what is wrong with it.
// It must never hold up an answer: a file that did not change is not read again.

import ConfigFile
import Glibc
import NodeConfig
import Policy
import Synchronization
import Wire

/// Reads the file again when it changed.
final class WatchedConfiguration: Sendable {
    private struct Known {
        var stamp: [Int64] = []
        var inForce: NodeConfiguration
        var problem: WireError?
    }

    let path: String
    private let known: Mutex<Known>

    init(path: String) {
        self.path = path
        known = Mutex(Known(inForce: Self.placed(NodeConfiguration())))
    }

    /// The last right configuration; the defaults until there was one.
    var inForce: NodeConfiguration { look().inForce }
    /// What is wrong with the file now.
    var problem: WireError? { look().problem }

    private func look() -> Known {
        var info = stat()
        let there = stat(path, &info) == 0
        let stamp =
            there ? [Int64(info.st_mtim.tv_sec), Int64(info.st_mtim.tv_nsec), Int64(info.st_ino)] : [0]
        return known.withLock { known in
            guard stamp != known.stamp else { return known }
            known.stamp = stamp
            do {
                known.inForce = Self.placed(try ConfigFile.read(path))
                known.problem = nil
            } catch { known.problem = WireError.wrapping(error) }
            return known
        }
    }

    /// Where things lie is the units' business, not the file's.
    static func placed(_ configuration: NodeConfiguration) -> NodeConfiguration {
        var configuration = configuration
        configuration.node.stateDirectory = PackageLayout.state
        configuration.node.runDirectory = PackageLayout.run
        return configuration
    }
}
