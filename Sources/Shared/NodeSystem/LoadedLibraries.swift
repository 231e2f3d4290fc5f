// Which folders this process's own libraries came from, and which program loads them. A child built like this process
// needs the same. It must never look anywhere but at what the kernel mapped.

/// The libraries of this process.
public enum LoadedLibraries {
    /// The folders of mapped libraries, and the dynamic loader when there is one.
    ///
    /// - Throws: `SystemError` when /proc is not mounted.
    public static func current() throws -> (folders: [String], loader: String?) {
        parse(try ProcFile.read("/proc/self/maps"))
    }

    static func parse(_ maps: String) -> (folders: [String], loader: String?) {
        var folders: Set<String> = []
        var loader: String?
        for line in maps.split(separator: "\n") {
            // Six fields; the path is the last, and may hold spaces.
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count == 6, fields[1].contains("x") else { continue }
            let path = fields[5].drop { $0 == " " }
            guard path.hasPrefix("/"), let cut = path.lastIndex(of: "/") else { continue }
            let name = path[path.index(after: cut)...]
            if name.hasPrefix("ld-") || name.hasPrefix("ld.so") { loader = String(path) }
            guard name.contains(".so") else { continue }
            folders.insert(String(path[..<cut]))
        }
        return (folders.sorted(), loader)
    }
}
