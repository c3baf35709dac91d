import JobLifecycle
import TestSupport
import Testing

@testable import SyncService

struct InstrumentTests {
    @Test func `a counter shows every value that was named from the start, and other words under other`() {
        let counter = MetricCounter("c_total", "Help.", by: MetricLabel("kind", ["a", "b"]))
        counter.add(1, "a")
        counter.add(2.5, "a")
        #expect(
            MetricText.text(of: [counter.family]) == """
                # HELP c_total Help.
                # TYPE c_total counter
                c_total{kind="a"} 3.5
                c_total{kind="b"} 0

                """)
        counter.add(1, "a stranger's \"word\"\n")
        counter.add(1, "another")
        let text = MetricText.text(of: [counter.family])
        #expect(text.contains("c_total{kind=\"other\"} 2\n") && !text.contains("stranger"))
        #expect(counter.value("a") == 3.5)
    }

    @Test func `two labels make a cell for each pair`() {
        let counter = MetricCounter(
            "c_total", "Help.", by: MetricLabel("x", ["1", "2"]), MetricLabel("y", ["a", "b"]))
        counter.add(1, "1", "b")
        counter.add(5, "2", "a")
        counter.add(7, "3", "a")
        let lines = MetricText.text(of: [counter.family]).split(separator: "\n").dropFirst(2)
        #expect(
            Array(lines) == [
                "c_total{x=\"1\",y=\"a\"} 0", "c_total{x=\"1\",y=\"b\"} 1", "c_total{x=\"2\",y=\"a\"} 5",
                "c_total{x=\"2\",y=\"b\"} 0", "c_total{x=\"other\",y=\"a\"} 7",
            ])
    }

    @Test func `a histogram counts each value in every bucket that has room for it`() {
        let histogram = MetricHistogram("h_seconds", "Help.", bounds: [0.125, 1])
        for value in [0.0625, 0.125, 0.5, 7, .infinity, .nan] { histogram.observe(value) }
        #expect(
            MetricText.text(of: [histogram.family]) == """
                # HELP h_seconds Help.
                # TYPE h_seconds histogram
                h_seconds_bucket{le="0.125"} 2
                h_seconds_bucket{le="1"} 3
                h_seconds_bucket{le="+Inf"} 4
                h_seconds_sum 7.6875
                h_seconds_count 4

                """)
        #expect(histogram.total.count == 4)
    }

    @Test func `what stands in a label is escaped, and help stays on its line`() {
        let family = MetricFamily.gauge("g", "One\nline \\.", by: ["l"], [(["a\"b\\c\nd"], 1e20)])
        #expect(
            MetricText.text(of: [family])
                == "# HELP g One\\nline \\\\.\n# TYPE g gauge\ng{l=\"a\\\"b\\\\c\\nd\"} 1e+20\n")
    }

    @Test func `what happens to jobs is counted under its own word, and told in the register`() {
        let metrics = ServiceMetrics()
        let failure = Failure(code: "WORDS_OF_THE_UPSTREAM", message: "no")
        metrics.count(.renderingFailed(failure), after: nil, acceptedSecondsAgo: 1)
        metrics.count(.setback(Setback(.throttled, "later")), after: nil, acceptedSecondsAgo: 1)
        metrics.count(.videoStored(.sample), after: 3, acceptedSecondsAgo: 90)
        let text = MetricText.text(of: metrics.families)
        for line in [
            "gondola_job_failures_total{code=\"other\"} 1", "gondola_job_setbacks_total{class=\"throttled\"} 1",
            "gondola_job_polls_sum 3", "gondola_job_ready_seconds_sum 90",
            "gondola_video_stored_bytes_total \(StoredVideo.sample.bytes)",
        ] { #expect(text.contains(line + "\n"), "\(line)") }
        #expect(!text.contains("UPSTREAM"))
        #expect(metrics.figures.entered["ready"] == 1 && metrics.figures.entered["failed"] == 1)
    }
}
