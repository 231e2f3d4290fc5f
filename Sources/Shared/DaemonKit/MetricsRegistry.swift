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
        var series: [[String]: Series] = [:]
    }
    struct Series {
        var value: Double = 0
        var counts: [UInt64] = []
        var count: UInt64 = 0
    }

    private let box = NIOLockedValueBox<[String: Family]>([:])

    public init() {}

    /// Adds to a counter. Labels are name, value, name, value.
    public func count(_ name: String, by amount: Double = 1, labels: [String] = [], help: String = "") {
        update(name, "counter", help, [], labels) { series, _ in series.value += amount }
    }

    /// Sets a gauge.
    public func gauge(_ name: String, _ value: Double, labels: [String] = [], help: String = "") {
        update(name, "gauge", help, [], labels) { series, _ in series.value = value }
    }

    /// Adds an observation to a histogram, in seconds for durations.
    public func observe(_ name: String, _ value: Double, labels: [String] = [], help: String = "") {
        update(name, "histogram", help, Self.seconds, labels) { series, buckets in
            if series.counts.isEmpty { series.counts = Array(repeating: 0, count: buckets.count) }
            if let i = buckets.firstIndex(where: { value <= $0 }) { series.counts[i] += 1 }
            series.count += 1
            series.value += value
        }
    }

    static let seconds: [Double] = [
        0.000_1, 0.000_25, 0.001, 0.002_5, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 120,
    ]

    private func update(
        _ name: String, _ kind: String, _ help: String, _ buckets: [Double], _ labels: [String],
        _ change: (inout Series, [Double]) -> Void
    ) {
        box.withLockedValue { families in
            var family = families[name] ?? Family(kind: kind, help: help, buckets: buckets)
            families[name] = nil
            var key = labels
            if family.series[key] == nil, family.series.count >= Self.maximumSeries {
                key = labels.enumerated().map { $0.offset % 2 == 0 ? $0.element : "other" }
            }
            change(&family.series[key, default: Series()], family.buckets)
            families[name] = family
        }
    }

    /// All metrics as Prometheus text.
    public func text() -> String {
        let families = box.withLockedValue { $0 }
        var out = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if !family.help.isEmpty { out += "# HELP \(name) \(family.help)\n" }
            out += "# TYPE \(name) \(family.kind)\n"
            for (labels, series) in family.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                if family.kind == "histogram" {
                    Self.write(name, labels, series, family.buckets, to: &out)
                } else {
                    out += "\(name)\(Self.braces(labels)) \(Self.number(series.value))\n"
                }
            }
        }
        return out
    }

    private static func write(
        _ name: String, _ labels: [String], _ series: Series, _ buckets: [Double], to out: inout String
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
