// Proves that metrics come out as Prometheus text, escaped, and bounded in number.

import DaemonKit
import Testing

@Suite struct MetricsRegistryTests {
    @Test func countersGaugesAndHistogramsAreWrittenAsText() {
        let metrics = MetricsRegistry()
        metrics.count("jobs_total", labels: ["side", "local"], help: "Jobs.")
        metrics.count("jobs_total", by: 2, labels: ["side", "local"])
        metrics.gauge("slots", 4)
        metrics.observe("wait_seconds", 0.02)
        let text = metrics.text()
        #expect(
            text.contains(
                "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{side=\"local\"} 3\n"))
        #expect(text.contains("# TYPE slots gauge\nslots 4\n"))
        #expect(text.contains("wait_seconds_bucket{le=\"0.01\"} 0\nwait_seconds_bucket{le=\"0.025\"} 1\n"))
        #expect(
            text.contains("wait_seconds_bucket{le=\"+Inf\"} 1\nwait_seconds_sum 0.02\nwait_seconds_count 1\n")
        )
    }

    @Test func labelValuesAreEscaped() {
        let metrics = MetricsRegistry()
        metrics.count("c", labels: ["l", "a\"b\\c\nd"])
        #expect(metrics.text().contains(#"c{l="a\"b\\c\nd"} 1"#))
    }

    @Test func aStrangerCannotMakeSeriesWithoutBound() {
        let metrics = MetricsRegistry()
        for i in 0..<5_000 { metrics.count("c", labels: ["peer", "\(i)"]) }
        let lines = metrics.text().split(separator: "\n")
        #expect(lines.count < 250)
        #expect(lines.contains { $0.hasPrefix("c{peer=\"other\"}") })
    }

    @Test func aSeriesThatWasFoundOnceAddsToTheSameNumbers() {
        let metrics = MetricsRegistry()
        let answered = metrics.counter("answered_total", labels: ["code", "ok"])
        let took = metrics.histogram("took_seconds")
        answered.add()
        metrics.count("answered_total", by: 2, labels: ["code", "ok"])
        metrics.observe("took_seconds", 5)
        took.observe(0.02)
        answered.add()
        let text = metrics.text()
        #expect(text.contains("answered_total{code=\"ok\"} 4\n"))
        #expect(text.contains("took_seconds_bucket{le=\"0.025\"} 1\n"))
        #expect(text.contains("took_seconds_sum 5.02\ntook_seconds_count 2\n"))
    }

    @Test func timeIsWrittenInUTC() {
        #expect(Timestamp.text(0) == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp.text(1_700_000_000_123) == "2023-11-14T22:13:20.123Z")
    }
}
