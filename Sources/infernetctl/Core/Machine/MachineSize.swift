// How large this machine is, as the C library tells it.
// It must never count what is switched off.

import Glibc

/// Cores that are switched on, and memory.
struct MachineSize: Sendable, Equatable {
    var cores: Int
    var memoryMiB: Int

    static var here: MachineSize {
        let pages = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        return MachineSize(
            cores: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))), memoryMiB: Int(pages >> 20))
    }
}
