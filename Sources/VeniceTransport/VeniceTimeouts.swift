public import HTTPTransport

/// How long each kind of call may take. Generous where giving up early would cost money or a video.
public struct VeniceTimeouts: Sendable, Hashable {
    /// Whatever asks and answers in a few bytes, and the list of models: connect 10 s, first byte 30 s, idle 15 s, in all
    /// 60 s.
    public var call = HTTPTimeouts(
        connect: .seconds(10), firstByte: .seconds(30), idle: .seconds(15), total: .seconds(60))
    /// Queue and top-up: up to 35 MB go up, and an answer that is given up on is an unknown outcome. First byte 120 s,
    /// idle 60 s, in all 600 s.
    public var queue = HTTPTimeouts(
        connect: .seconds(10), firstByte: .seconds(120), idle: .seconds(60), total: .seconds(600))
    /// Retrieve: the answer may be the video itself. First byte 60 s, idle 30 s, in all 30 min.
    public var retrieve = HTTPTimeouts(
        connect: .seconds(10), firstByte: .seconds(60), idle: .seconds(30), total: .seconds(1800))
    /// A file from a `download_url`: first byte 60 s, idle 30 s, in all 60 min.
    public var download = HTTPTimeouts(
        connect: .seconds(10), firstByte: .seconds(60), idle: .seconds(30), total: .seconds(3600))

    public init() {}

    /// All of them multiplied, for demos and tests that run against a faster clock.
    public func scaled(by factor: Double) -> Self {
        var scaled = self
        scaled.call = call.scaled(by: factor)
        scaled.queue = queue.scaled(by: factor)
        scaled.retrieve = retrieve.scaled(by: factor)
        scaled.download = download.scaled(by: factor)
        return scaled
    }
}

extension HTTPTimeouts {
    fileprivate func scaled(by factor: Double) -> Self {
        HTTPTimeouts(
            connect: connect * factor, firstByte: firstByte.map { $0 * factor }, idle: idle.map { $0 * factor },
            total: total.map { $0 * factor })
    }
}
