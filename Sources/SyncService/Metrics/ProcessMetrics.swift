import JobStore

/// Metrics of this process alone.
extension OpsAPI {
    func processFamilies() -> [MetricFamily] {
        [
            .gauge(
                "gondola_build_info", "1; the labels say which Gondola this is.", by: ["version"],
                [([Release.version], 1)])
        ] + ProcessFacts.families() + loops() + waiting() + disk() + pools() + parts.metrics.families
    }

    private func loops() -> [MetricFamily] {
        let loops = parts.loops.progress
        func gauge(_ name: String, _ help: String, _ value: (Loops.Progress) -> Double) -> MetricFamily {
            .gauge(name, help, by: ["loop"], loops.map { ([$0.name], value($0)) })
        }
        return [
            gauge("gondola_loop_age_seconds", "Since the loop last went round.") { $0.age.seconds },
            gauge("gondola_loop_patience_seconds", "How long a round may take before the loop counts as stuck.") {
                $0.patience.seconds
            },
            MetricFamily(
                name: "gondola_loop_rounds_total", help: "How often the loop has gone round.", kind: .counter,
                samples: loops.map {
                    MetricFamily.Sample(
                        labels: [MetricFamily.Label(name: "loop", value: $0.name)], value: Double($0.rounds))
                }),
        ]
    }

    private func waiting() -> [MetricFamily] {
        [
            .gauge("gondola_feed_clients", "Feeds that wait for a change, or look.", Double(parts.hub.waiters)),
            .gauge("gondola_worker_jobs", "Jobs in this worker's hands.", Double(worker?.jobsInHand ?? 0)),
            .gauge(
                "gondola_worker_waiting_submissions", "Of those, that wait for their turn to submit.",
                Double(worker?.waiting.submissions ?? 0)),
            .gauge(
                "gondola_worker_waiting_polls", "Of those, that wait for a retrieve.",
                Double(worker?.waiting.polls ?? 0)),
            .gauge(
                "gondola_wakeups_connected", "Whether wake-ups come by notification.", listener.isConnected ? 1 : 0),
            .gauge("gondola_models", "Models that the upstream offers.", Double(parts.models.all.count)),
        ]
    }

    private func disk() -> [MetricFamily] {
        let seen = parts.storage.lastSeen
        return [
            .gauge("gondola_storage_ok", "Whether storage can take what is new.", seen.trouble == nil ? 1 : 0),
            .gauge(
                "gondola_storage_free_bytes", "Room for what is arriving, when last looked at.",
                seen.free.map { Double($0) }),
            .gauge(
                "gondola_storage_floor_bytes", "With less room than this nothing new is submitted.",
                Double(parts.storage.floor)),
            .gauge(
                "gondola_state_free_bytes", "Room in the state directory, where paid answers are kept first.",
                freeBytes(at: parts.state.path).map { Double($0) }),
        ]
    }

    private func pools() -> [MetricFamily] {
        let reports = parts.store.poolReports
        func gauge(_ name: String, _ help: String, _ value: (PoolReport) -> Int) -> MetricFamily {
            .gauge(name, help, by: ["pool"], reports.map { ([$0.name], Double(value($0))) })
        }
        return [
            gauge("gondola_database_connections", "Connections that the pool may have.") { $0.connections },
            gauge("gondola_database_connections_busy", "Of those, at work.") { $0.busy },
            gauge("gondola_database_queue", "Units of work that wait for a connection.") { $0.queued },
            MetricFamily(
                name: "gondola_database_wait_seconds", help: "How long units of work waited for a connection.",
                kind: .histogram,
                samples: reports.flatMap { report in
                    MetricHistogram.samples(
                        PoolReport.bounds, report.waits, sum: report.waitSeconds,
                        labels: [MetricFamily.Label(name: "pool", value: report.name)])
                }),
        ]
    }
}
