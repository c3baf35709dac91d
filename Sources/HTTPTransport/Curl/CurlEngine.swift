import CCurl
import Foundation
import Synchronization

/// The thread behind `CurlHTTPClient`, and the only door to it.
final class CurlEngine: Sendable {
    enum Command: Sendable {
        case start(CurlJob, CurlExchange)
        case cancel(CurlExchange)
        case resume(CurlExchange)
    }

    fileprivate struct Shared {
        var commands: [Command] = []
        var admitted = 0
        var isStopping = false
        /// Nil once the thread has let go of it; touched under the lock, so that nobody wakes a handle that is gone.
        var multi: MultiHandle?
    }

    struct MultiHandle: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }

    let configuration: CurlHTTPClient.Configuration
    private let shared: Mutex<Shared>
    private let ended = NSCondition()
    private let hasEnded = Mutex(false)

    static var version: String { String(cString: curl_version()) }

    init(_ configuration: CurlHTTPClient.Configuration) {
        self.configuration = configuration
        // Thread-safe since libcurl 7.84.
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        guard let multi = curl_multi_init() else { fatalError("no memory for libcurl") }
        gondola_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.maximumConcurrent)
        shared = Mutex(Shared(multi: MultiHandle(pointer: multi)))
    }

    func start() {
        let thread = Thread { [self] in
            // libcurl asks for writes without SIGPIPE, but not every TLS library under it does.
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
            run()
        }
        thread.name = "curl"
        thread.start()
    }

    /// Puts a request in line, or refuses it right away.
    func submit(_ job: CurlJob, _ exchange: CurlExchange) {
        let refusal: HTTPClientError? = shared.withLock { shared in
            if shared.isStopping { return HTTPClientError(.stopped) }
            guard shared.admitted < configuration.maximumConcurrent + configuration.maximumQueued else {
                return HTTPClientError(.overloaded, "\(shared.admitted) requests run or wait already")
            }
            shared.admitted += 1
            shared.commands.append(.start(job, exchange))
            shared.wake()
            return nil
        }
        if let refusal { exchange.finish(refusal) }
    }

    func post(_ command: Command) {
        shared.withLock { shared in
            guard !shared.isStopping else { return }
            shared.commands.append(command)
            shared.wake()
        }
    }

    func stop() {
        shared.withLock { shared in
            shared.isStopping = true
            shared.wake()
        }
        ended.lock()
        while !hasEnded.withLock({ $0 }) { ended.wait() }
        ended.unlock()
    }

    // MARK: - on the curl thread

    private func run() {
        guard let multi = shared.withLock({ $0.multi }) else { return }
        let loop = CurlLoop(multi: multi.pointer, configuration: configuration)
        while true {
            let (commands, isStopping) = shared.withLock { shared in (shared.commands.take(), shared.isStopping) }
            for command in commands { loop.obey(command) }
            if isStopping { break }
            loop.perform()
            shared.withLock { $0.admitted -= loop.finishedCount.take() }
            loop.wait()
        }
        loop.stop()
        shared.withLock { $0.multi = nil }
        curl_multi_cleanup(multi.pointer)
        ended.lock()
        hasEnded.withLock { $0 = true }
        ended.broadcast()
        ended.unlock()
    }
}

extension CurlEngine.Shared {
    fileprivate func wake() {
        if let multi { curl_multi_wakeup(multi.pointer) }
    }
}

extension Array {
    /// Everything in it, leaving it empty.
    mutating func take() -> [Element] {
        defer { self = [] }
        return self
    }
}

extension Int {
    mutating func take() -> Int {
        defer { self = 0 }
        return self
    }
}
