// Proves that texts of several daemons become one valid text in which each sample says whose it is.

import Testing
import Wire

@testable import SupervisorCore

struct MetricsTextTests {
    @Test func familiesStandTogetherWithEachDaemonsName() {
        var text = MetricsText()
        text.sample("up", type: "gauge", help: "Whether it is up.", labels: #"daemon="ws-d""#, value: "1")
        let part =
            "# HELP rpc_total Calls.\n# TYPE rpc_total counter\nrpc_total 3\nrpc_total{method=\"a}b\"} 4\n"
        text.add(part, of: .ws)
        text.add(part + "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\n", of: .exec)
        #expect(
            text.text == """
                # HELP up Whether it is up.
                # TYPE up gauge
                up{daemon="ws-d"} 1
                # HELP rpc_total Calls.
                # TYPE rpc_total counter
                rpc_total{daemon="ws-d"} 3
                rpc_total{daemon="ws-d",method="a}b"} 4
                rpc_total{daemon="exec-d"} 3
                rpc_total{daemon="exec-d",method="a}b"} 4
                # TYPE h histogram
                h_bucket{daemon="exec-d",le="1"} 1
                h_sum{daemon="exec-d"} 2

                """)
    }

    @Test func whatIsNoSampleIsLeftOut() {
        var text = MetricsText()
        text.add("garbage\n{x} 1\n# EOF\n\nopen{a=\"b\" 1\nfine{} 1\n", of: .ws)
        #expect(text.text == "fine{daemon=\"ws-d\"} 1\n")
    }
}
