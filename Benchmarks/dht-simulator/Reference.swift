// The figures that an independent simulator gave for the same networks: k = 8, α = 4, 8 replicas, 80 ms median round
// trip, soft timeout of 500 ms, tables that are stale after the deaths, 1000 searches.
// It must never be changed to please a result.

/// One row of the reference.
struct Reference {
    let nodes: Int
    /// In percent.
    let dead: Int
    /// In percent.
    let found: Double
    let queries: Int
    let queriesP95: Int
    let p50: Int
    let p95: Int

    private init(_ nodes: Int, _ dead: Int, _ found: Double, _ queries: (Int, Int), _ time: (Int, Int)) {
        self.nodes = nodes
        self.dead = dead
        self.found = found
        self.queries = queries.0
        queriesP95 = queries.1
        p50 = time.0
        p95 = time.1
    }

    private static let rows = [
        Reference(1000, 0, 100, (12, 14), (110, 193)), Reference(1000, 30, 100, (16, 21), (143, 590)),
        Reference(1000, 50, 99.8, (21, 29), (199, 1084)),
        Reference(10_000, 0, 100, (14, 17), (162, 266)), Reference(10_000, 30, 99.9, (18, 23), (219, 692)),
        Reference(10_000, 50, 99.2, (24, 35), (513, 1293)),
        Reference(100_000, 0, 100, (17, 19), (209, 315)), Reference(100_000, 30, 100, (20, 26), (308, 857)),
        Reference(100_000, 50, 99.1, (27, 38), (677, 1693)),
    ]

    /// The row for a network, if there is one.
    static func row(nodes: Int, dead: Int) -> Reference? {
        rows.first { $0.nodes == nodes && $0.dead == dead }
    }
}
