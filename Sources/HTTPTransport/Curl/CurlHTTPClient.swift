/// HTTP by libcurl: one thread drives every transfer, and callers are async functions that it wakes.
///
/// HTTP/1.1 throughout. A slow reader is then held back by TCP itself, a connection carries one request at a time, and
/// nothing is sent again because a server refused one of many streams. Connections are kept for later requests, except
/// for those that ask for one of their own. Names, proxies from the environment, IPv6 and TLS are libcurl's business.
public final class CurlHTTPClient: HTTPClient {
    public struct Configuration: Sendable {
        /// Transfers that run at once. Further ones wait in line.
        public var maximumConcurrent = 128
        /// Requests that may wait in line; one more is `overloaded`.
        public var maximumQueued = 4096
        /// Bytes of one answer that are held while nobody reads them. libcurl may add one block of its own.
        public var bufferBytes = 512 * 1024
        /// The largest header block taken from a server.
        public var maximumHeaderBytes = 64 * 1024
        public var proxy = Proxy.environment
        /// A file of certificates in PEM form to trust instead of the system's.
        public var authorityFile: String?
        public var userAgent = "gondola"

        public init() {}
    }

    public enum Proxy: Sendable, Hashable {
        /// `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, as the curl command reads them.
        case environment
        case none
        case url(String)
    }

    private let engine: CurlEngine

    public init(_ configuration: Configuration = Configuration()) {
        engine = CurlEngine(configuration)
        engine.start()
    }

    deinit { engine.stop() }

    /// libcurl's own line about its version and parts.
    public static var libraryVersion: String { CurlEngine.version }

    /// Fails whatever still runs or waits with `stopped`, closes every connection and returns when the thread has ended.
    public func stop() { engine.stop() }

    public func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        let job = try CurlJob(request)
        let exchange = CurlExchange(bufferBytes: engine.configuration.bufferBytes, engine: engine)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                exchange.awaitHead(continuation)
                engine.submit(job, exchange)
            }
        } onCancel: {
            exchange.close()
        }
        return try result.get()
    }
}
