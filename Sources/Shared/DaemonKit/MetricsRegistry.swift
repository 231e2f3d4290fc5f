// Counters, gauges and histograms of one process, written as Prometheus text (exposition format 0.0.4).
// It must never grow without bound: a metric has at most so many label sets, the rest is one "other".

import NIOConcurrencyHelpers

/// The metrics of a process.
public final class MetricsRegistry: Sendable {
    /// The most label sets of one metric.
    static let maximumSeries = 200

    struct Family {
        var kind: String
        var help: String
        var buckets: [Double]
        var series: [[String]: Cell] = [:]
    }
    /// The numbers of one label set.
    final class Cell: @unchecked Sendable {  // touched under the registry's lock only
        var value: Double = 0
        var counts: [UInt64] = []
        var count: UInt64 = 0
    }

    /// One label set of a metric, found once, for paths that add to it with every request.
    public struct Series: Sendable {
        fileprivate let box: NIOLockedValueBox<[String: Family]>
        fileprivate let cell: Cell
        fileprivate let buckets: [Double]

        /// Adds to a counter.
        public func add(_ amount: Double = 1) { box.withLockedValue { _ in cell.value += amount } }

        /// Adds an observation to a histogram, in seconds for durations.
        public func observe(_ value: Double) {
            box.withLockedValue { _ in MetricsRegistry.observe(value, cell, buckets) }
        }

        /// Adds one to this counter and an observation to a histogram of the same registry, at once.
        func add(observing value: Double, in histogram: Series) {
            box.withLockedValue { _ in
                cell.value += 1
                MetricsRegistry.observe(value, histogram.cell, histogram.buckets)
            }
        }
    }

    private let box = NIOLockedValueBox<[String: Family]>([:])

    public init() {}

    /// Adds to a counter. Labels are name, value, name, value.
    public func count(_ name: String, by amount: Double = 1, labels: [String] = [], help: String = "") {
        counter(name, labels: labels, help: help).add(amount)
    }

    /// A counter's label set. Labels are name, value, name, value.
    public func counter(_ name: String, labels: [String] = [], help: String = "") -> Series {
        series(name, "counter", help, [], labels)
    }

    /// A histogram's label set.
    public func histogram(_ name: String, labels: [String] = [], help: String = "") -> Series {
        series(name, "histogram", help, Self.seconds, labels)
    }

    /// Sets a gauge.
    public func gauge(_ name: String, _ value: Double, labels: [String] = [], help: String = "") {
        let series = series(name, "gauge", help, [], labels)
        box.withLockedValue { _ in series.cell.value = value }
    }

    /// Adds an observation to a histogram, in seconds for durations.
    public func observe(_ name: String, _ value: Double, labels: [String] = [], help: String = "") {
        histogram(name, labels: labels, help: help).observe(value)
    }

    private static func observe(_ value: Double, _ cell: Cell, _ buckets: [Double]) {
        if cell.counts.isEmpty { cell.counts = Array(repeating: 0, count: buckets.count) }
        var i = 0
        while i < buckets.count, value > buckets[i] { i += 1 }
        if i < buckets.count { cell.counts[i] += 1 }
        cell.count += 1
        cell.value += value
    }

    static let seconds: [Double] = [
        0.000_1, 0.000_25, 0.001, 0.002_5, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 120,
    ]

    private func series(
        _ name: String, _ kind: String, _ help: String, _ buckets: [Double], _ labels: [String]
    ) -> Series {
        box.withLockedValue { families in
            let family = families[name] ?? Family(kind: kind, help: help, buckets: buckets)
            if let cell = family.series[labels] {
                return Series(box: box, cell: cell, buckets: family.buckets)
            }
            var key = labels
            if family.series.count >= Self.maximumSeries {
                key = labels.enumerated().map { $0.offset % 2 == 0 ? $0.element : "other" }
            }
            let cell = family.series[key] ?? Cell()
            families[name] = family
            families[name]?.series[key] = cell
            return Series(box: box, cell: cell, buckets: family.buckets)
        }
    }

    /// All metrics as Prometheus text.
    public func text() -> String {
        box.withLockedValue { Self.text($0) }
    }

    private static func text(_ families: [String: Family]) -> String {
        var out = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if !family.help.isEmpty { out += "# HELP \(name) \(family.help)\n" }
            out += "# TYPE \(name) \(family.kind)\n"
            for (labels, series) in family.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                if family.kind == "histogram" {
                    write(name, labels, series, family.buckets, to: &out)
                } else {
                    out += "\(name)\(braces(labels)) \(number(series.value))\n"
                }
            }
        }
        return out
    }

    private static func write(
        _ name: String, _ labels: [String], _ series: Cell, _ buckets: [Double], to out: inout String
    ) {
        var sum: UInt64 = 0
        for (bound, count) in zip(buckets, series.counts) {
            sum += count
            out += "\(name)_bucket\(braces(labels + ["le", number(bound)])) \(sum)\n"
        }
        out += "\(name)_bucket\(braces(labels + ["le", "+Inf"])) \(series.count)\n"
        out += "\(name)_sum\(braces(labels)) \(number(series.value))\n"
        out += "\(name)_count\(braces(labels)) \(series.count)\n"
    }

    private static func number(_ value: Double) -> String {
        value.rounded() == value && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }

    private static func braces(_ labels: [String]) -> String {
        guard labels.count >= 2 else { return "" }
        let pairs = stride(from: 0, to: labels.count - 1, by: 2).map { i in
            var value = ""
            for c in labels[i + 1] {
                switch c {
                case "\\": value += "\\\\"
                case "\"": value += "\\\""
                case "\n": value += "\\n"
                default: value.append(c)
                }
            }
            return "\(labels[i])=\"\(value)\""
        }
        return "{" + pairs.joined(separator: ",") + "}"
    }
}
