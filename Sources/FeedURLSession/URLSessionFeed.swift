public import FeedSync
public import Foundation
public import VideoModels

#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif

/// `FeedTransport` over `URLSession`: what a phone gives to `FeedClient`.
public final class URLSessionFeed: FeedTransport {
    private let server: URL
    private let token: Redacted<String>
    private let session: URLSession
    private let exchanges = Exchanges()

    /// - Parameters:
    ///   - server: Where the API is, such as `https://video.example.com`; a path in front of `/v1` may follow.
    ///   - configuration: Anything but a background session, which has no streams.
    public init(server: URL, token: Redacted<String>, configuration: URLSessionConfiguration = .ephemeral) {
        (self.server, self.token) = (server, token)
        session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: nil)
    }

    deinit { session.invalidateAndCancel() }

    /// Sends it once with the token, and follows no redirect.
    public func send(_ request: FeedRequest) async throws(FeedClientError) -> FeedResponse {
        let exchange = Exchange(session.dataTask(with: try urlRequest(for: request)))
        exchanges.begin(exchange)
        let head = try await exchange.head()
        return FeedResponse(
            status: head.status, headers: head.headers,
            body: FeedBody(
                next: { () async throws(FeedClientError) in try await exchange.next() }, close: { exchange.cancel() }))
    }

    private func urlRequest(for request: FeedRequest) throws(FeedClientError) -> URLRequest {
        guard var parts = URLComponents(url: server, resolvingAgainstBaseURL: false), parts.host?.isEmpty == false,
            ["http", "https"].contains(parts.scheme ?? ""), parts.query == nil, parts.fragment == nil
        else { throw .unusable("the server's address must look like https://video.example.com") }
        parts.path = (parts.path.hasSuffix("/") ? String(parts.path.dropLast()) : parts.path) + request.path
        let items = request.query.sorted { $0.key < $1.key }.map { URLQueryItem(name: $0.key, value: $0.value) }
        if !items.isEmpty { parts.queryItems = items }
        // URLComponents leaves a plus as it is, which servers may read as a space.
        parts.percentEncodedQuery = parts.percentEncodedQuery?.replacingOccurrences(of: "+", with: "%2B")
        guard let url = parts.url else { throw .unusable("the server's address cannot be used") }
        var result = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData)
        for (name, value) in request.headers { result.setValue(value, forHTTPHeaderField: name) }
        result.setValue("Bearer \(token.reveal())", forHTTPHeaderField: "Authorization")
        // `FeedClient` judges the silence of a stream.
        result.timeoutInterval = request.isStream ? 86_400 : 60 + request.patience / .seconds(1)
        return result
    }
}
