import JobStore
import VideoModels

/// Metrics of the whole deployment, the same from whichever process they are scraped.
enum DeploymentMetrics {
    static func families(_ seen: OverviewCache.Seen?, _ configuration: Configuration) -> [MetricFamily] {
        let up = MetricFamily.gauge(
            "gondola_database_up", "Whether the database answers this process.", seen == nil ? 0 : 1)
        guard let seen else { return [up] }
        // Accounts that are set up here: others may stand in the database from former times.
        let names = Set(configuration.accounts.map(\.account.id))
        let budgets = seen.limits.budgets.filter { names.contains($0.account) }
        return [up] + jobs(seen.overview) + limits(budgets) + money(seen.overview, configuration)
            + [processes(seen.processes), paused(seen.limits.models)]
    }

    private static func jobs(_ overview: EngineOverview) -> [MetricFamily] {
        [
            .gauge(
                "gondola_jobs", "Jobs that have not come to rest, by state.", by: ["state"],
                EngineOverview.states.map { ([$0], Double(overview.jobs[$0] ?? 0)) }),
            .gauge(
                "gondola_jobs_due_seconds", "For how long the oldest job is due that no worker has taken.",
                overview.dueSeconds ?? 0),
            .gauge(
                "gondola_jobs_attention_seconds", "For how long a job waits for a person.",
                overview.attentionSeconds ?? 0),
        ]
    }

    private static func limits(_ budgets: [LimitReport.Budget]) -> [MetricFamily] {
        let labels = ["account", "endpoint"]
        func gauge(_ name: String, _ help: String, _ value: (LimitReport.Budget) -> Double) -> MetricFamily {
            .gauge(name, help, by: labels, budgets.map { ([$0.account, $0.endpoint], value($0)) })
        }
        let accounts = budgets.filter { $0.endpoint == "queue" }
        return [
            gauge("gondola_rate_budget_used", "Requests of the upstream's window that are used.") { Double($0.used) },
            gauge("gondola_rate_budget_limit", "Requests that the window has.") { Double($0.limit) },
            gauge("gondola_rate_budget_held_seconds", "How much longer the upstream has asked to be left alone.") {
                $0.heldSeconds ?? 0
            },
            .gauge(
                "gondola_breaker_state", "1 for the state in which the account's breaker is.",
                by: ["account", "state"],
                accounts.flatMap { budget in
                    [LimitReport.Budget.Breaker.closed, .probing, .resting].map {
                        ([budget.account, $0.rawValue], budget.breaker == $0 ? 1.0 : 0.0)
                    }
                }),
            .gauge(
                "gondola_account_failures", "Refusals that count towards a rest of the account.", by: ["account"],
                accounts.map { ([$0.account], Double($0.failures)) }),
        ]
    }

    private static func money(_ overview: EngineOverview, _ configuration: Configuration) -> [MetricFamily] {
        let caps = [("day", configuration.spendingCapPerDay), ("month", configuration.spendingCapPerMonth)]
        return [
            .gauge(
                "gondola_spending_dollars", "What all users together have spent or hold, by period (UTC).",
                by: ["period"],
                [(["day"], overview.spentToday.double), (["month"], overview.spentThisMonth.double)]),
            .gauge(
                "gondola_spending_cap_dollars", "What they may spend together, where that is limited.", by: ["period"],
                caps.compactMap { period, cap in cap.map { ([period], $0.double) } }),
        ]
    }

    private static func processes(_ processes: [ProcessRecord]) -> MetricFamily {
        let standings = [ProcessRecord.Standing.working, .draining, .stuck, .silent]
        return .gauge(
            "gondola_processes", "Processes in the register, by how they stand.", by: ["standing"],
            standings.map { standing in
                ([standing.rawValue], Double(processes.count { $0.standing == standing }))
            })
    }

    private static func paused(_ models: [LimitReport.Model]) -> MetricFamily {
        .gauge(
            "gondola_models_paused", "Models that are offline or at capacity: nobody asks for them.",
            Double(models.count { $0.pausedSeconds != nil }))
    }
}

extension Money {
    /// For figures that nobody pays by.
    var double: Double { Double(text) ?? 0 }
}
