import Foundation
import JobStore
import VideoModels

extension PhoneAPI {
    /// When the device loses its access the hub wakes the user: a wait or a stream ends.
    @Sendable func changes(_ request: APIRequest, _ caller: Caller) async throws -> APIResponse {
        let user = caller.user
        let query = try FeedQuery(request, user: user, configuration)
        let ending: @Sendable () -> FeedStream.Ending? = { [drain = request.drain] in
            drain.isSet ? .draining : caller.loss.map(FeedStream.Ending.init)
        }
        switch query.form {
        case .page: return try await page(query, user, ending)
        case .stream: return try await stream(query, request, user, ending)
        }
    }

    @Sendable private func read(_ cursor: FeedCursor?, _ limit: Int, _ user: UserID) async throws -> FeedPage {
        let ticket = hub.marks.ticket(for: user)
        let page = try await store.feedPage(
            after: cursor, user: user, limit: limit, bytes: Int(configuration.feedPageBytes))
        hub.marks.keep(page, of: user, ticket)
        return page
    }

    /// The answer to a poll of a phone that has missed nothing, where that is known; nil for everything else.
    func changesAtOnce(_ request: APIRequest) -> APIResponse? {
        guard request.method == .get, request.path == "/v1/changes", let poll = request.plainPoll
        else { return nil }
        return door.passAtOnce(request, needs: .read) { caller in
            guard let known = hub.marks.answer(for: caller.user), known.cursor == poll.cursor,
                known.sequence >= poll.waitFor
            else { return nil }
            let response = APIResponse(status: 200, headers: Self.pageHeaders, body: .bytes(known.json))
            return ContentCoding.packed(response, for: request)
        }
    }

    private static let pageHeaders: APIHeaders = [
        "Cache-Control": "no-store", "Vary": "Accept", "content-type": "application/json",
    ]

    private func page(
        _ query: FeedQuery, _ user: UserID, _ ending: @Sendable () -> FeedStream.Ending?
    ) async throws -> APIResponse {
        // Phones that began to wait together, when a server came up, do not come back together.
        let end = ContinuousClock.now + query.wait * Double.random(in: Self.jitter)
        let page = try await hub.subscribed(user) { waiter in
            var page = try await read(query.cursor, query.limit, user)
            while !page.isNews, ending() == nil, !Task.isCancelled {
                let left = ContinuousClock.now.duration(to: end)
                guard left > .zero, await waiter.wait(knowing: page.mark, atMost: left) else { break }
                page = try await again(page.next, query.limit, user).page
                hub.looked(waiter, foundNews: page.isNews)
            }
            return page
        }
        return .json(page.json, headers: ["Cache-Control": "no-store", "Vary": "Accept"])
    }

    /// After a ring, for all who heard it.
    @Sendable private func again(_ cursor: FeedCursor, _ limit: Int, _ user: UserID) async throws -> SharedPage {
        try await hub.shared(FeedHub.Look(after: cursor, limit: limit), of: user) {
            try await read(cursor, limit, user)
        }
    }

    private func stream(
        _ query: FeedQuery, _ request: APIRequest, _ user: UserID,
        _ ending: @escaping @Sendable () -> FeedStream.Ending?
    ) async throws -> APIResponse {
        let first = Handover(try await read(query.cursor, query.limit, user))
        let limit = query.limit
        // What problems are told of, for hours, without what else was said.
        var named = request
        (named.headers, named.query) = ([:], [])
        let jitter = Double.random(in: Self.jitter)
        let stream = FeedStream(
            hub: hub, user: user,
            timing: FeedStream.Timing(
                heartbeat: .seconds(configuration.feedHeartbeat),
                lifetime: .seconds(configuration.feedStreamLifetime * jitter), retry: .seconds(3) * jitter),
            ending: ending,
            read: { try await again($0, limit, user) },
            problem: { [named] in Problem($0, request: named, log: log) })
        let headers: APIHeaders = [
            "Content-Type": FeedQuery.Form.stream.rawValue, "Cache-Control": "no-store, no-transform",
            "X-Accel-Buffering": "no", "Vary": "Accept",
        ]
        return APIResponse(
            status: 200, headers: headers, body: .stream { try await stream.run(after: first, into: $0) })
    }

    private static let jitter = 0.8...1.0

    @Sendable func digest(_ request: APIRequest, _ user: UserID) async throws -> APIResponse {
        try request.allow(query: ["prefix", "wait_for"])
        let prefix = request.query("prefix") ?? ""
        guard prefix.utf8.count <= 16, prefix.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else {
            throw Problem.malformed("prefix must be up to 16 hexadecimal digits in lower case")
        }
        let page = try await store.digest(under: prefix, user: user)
        return .json(try Wire.encode(page), headers: ["Cache-Control": "no-store"])
    }
}

extension PhoneAPI {
    /// Lets a read wait until the write that `wait_for` names, by its sequence, is to be seen where it reads.
    func whenVisible(_ handler: @escaping UserHandler) -> Door.Handler {
        whenVisible { request, caller in try await handler(request, caller.user) }
    }

    func whenVisible(_ handler: @escaping Door.Handler) -> Door.Handler {
        { request, caller in
            let sequence = Int64(try request.number("wait_for", in: 0...Int.max, or: 0))
            if sequence > 0, try await !isVisible(sequence, caller.user, request) {
                let problem = Problem(
                    status: 503, code: .notYetVisible, title: "What you wait for is not to be seen yet",
                    detail: "This user's feed has not reached \(sequence). Try again in a second.")
                return .problem(problem, headers: ["Retry-After": "1"], for: request)
            }
            return try await handler(request, caller)
        }
    }

    private func isVisible(_ sequence: Int64, _ user: UserID, _ request: APIRequest) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(configuration.feedVisibilityWait)
        return try await hub.subscribed(user) { waiter in
            // No hint comes from a replica, so the looks do not only follow rings; they become rarer.
            var pause = Duration.milliseconds(20)
            while true {
                guard let reached = try await store.feedMarks(of: [user])[user] else { return false }
                let left = ContinuousClock.now.duration(to: end)
                if reached.sequence >= sequence { return true }
                if left <= .zero || request.drain.isSet || Task.isCancelled { return false }
                _ = await waiter.wait(knowing: reached, atMost: min(left, pause))
                pause = min(pause * 2, .milliseconds(500))
            }
        }
    }
}

extension APIRequest {
    /// What a poll says that takes a page and says nothing but where it stands; nil for whoever asks for more than that.
    fileprivate var plainPoll: (cursor: String, waitFor: Int64)? {
        let accepted = headers.values(of: "accept")
        guard accepted.isEmpty || accepted == [FeedQuery.Form.page.rawValue] || accepted == ["*/*"] else { return nil }
        var (cursor, waitFor): (String?, Int64) = (nil, 0)
        for item in query {
            switch (item.name, Int64(item.value)) {
            case ("cursor", _) where cursor == nil: cursor = item.value
            case ("wait_for", let sequence?) where sequence >= 0: waitFor = max(waitFor, sequence)
            case ("wait", 0): break
            default: return nil
            }
        }
        return cursor.map { ($0, waitFor) }
    }
}
