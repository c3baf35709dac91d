import VideoModels

/// Finds the handler for a method and a path such as `/v1/jobs/{id}`.
///
/// A literal segment is preferred to a `{name}`, and a `HEAD` is answered by the `GET` of its path. Paths are matched as they
/// stand: a trailing slash or an empty segment is another path.
struct Router: Sendable {
    typealias Handler = @Sendable (APIRequest) async throws -> APIResponse

    private struct Node: Sendable {
        var literals: [String: Node] = [:]
        var parameter: [Node] = []
        var routes: [APIMethod: Route] = [:]

        mutating func add(
            _ segments: ArraySlice<Substring>, _ set: (inout Self) -> Void, parameter: (String) -> Void
        ) {
            guard let first = segments.first else { return set(&self) }
            if first.hasPrefix("{"), first.hasSuffix("}") {
                parameter(String(first.dropFirst().dropLast()))
                if self.parameter.isEmpty { self.parameter.append(Self()) }
                self.parameter[0].add(segments.dropFirst(), set, parameter: parameter)
            } else {
                literals[String(first), default: Self()].add(segments.dropFirst(), set, parameter: parameter)
            }
        }

        func find(_ segments: ArraySlice<String>, _ values: inout [String]) -> Self? {
            guard let first = segments.first else { return routes.isEmpty ? nil : self }
            if let found = literals[first]?.find(segments.dropFirst(), &values) { return found }
            guard !first.isEmpty, let child = parameter.first else { return nil }
            values.append(first)
            if let found = child.find(segments.dropFirst(), &values) { return found }
            values.removeLast()
            return nil
        }
    }

    private struct Route: Sendable {
        /// The names of the template's parameters, from left to right.
        let names: [String]
        let handler: Handler
    }

    /// More segments than any template has; bounds the search.
    private static let maximumSegments = 16

    private var root = Node()
    /// Makes an answer of what a handler throws.
    private let answer: @Sendable (any Error, APIRequest) -> APIResponse

    /// - Parameter answer: for errors that are no `Problem` (and no refusal, which the server answers by itself).
    init(answeringErrors answer: @escaping @Sendable (any Error, APIRequest) -> APIResponse = Self.internalError) {
        self.answer = answer
    }

    /// Says nothing of what went wrong inside.
    static let internalError: @Sendable (any Error, APIRequest) -> APIResponse = { _, request in
        .problem(Problem(status: 500, code: .internalError, title: "Something went wrong here"), for: request)
    }

    /// Adds a route; the same method and path twice is a bug.
    mutating func add(_ method: APIMethod, _ template: String, _ handler: @escaping Handler) {
        let segments = template.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        precondition(template.hasPrefix("/") && segments.count <= Self.maximumSegments, "\(template) is no template")
        var names: [String] = []
        routes.append((method, template))
        root.add(segments) { node in
            precondition(node.routes[method] == nil, "\(method) \(template) is there already")
            node.routes[method] = Route(names: names, handler: handler)
        } parameter: {
            names.append($0)
        }
    }

    /// Every method and template that has been added.
    private(set) var routes: [(method: APIMethod, template: String)] = []

    @Sendable func handle(_ request: APIRequest) async -> APIResponse {
        var request = request
        do {
            let (route, values) = try find(request)
            request.parameters = Dictionary(zip(route.names, values)) { first, _ in first }
            return try await route.handler(request)
        } catch let refusal as RequestRefusal {
            return .problem(refusal.problem, for: request)
        } catch let problem as Problem {
            return .problem(problem, for: request)
        } catch let error as MethodNotAllowed {
            return .problem(error.problem, headers: ["allow": error.allowed], for: request)
        } catch {
            return answer(error, request)
        }
    }

    private func find(_ request: APIRequest) throws -> (Route, [String]) {
        let segments = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let decoded = segments.compactMap { percentDecoded($0) }
        guard decoded.count == segments.count else {
            throw Problem(status: 400, code: .malformedRequest, title: "The path is not percent-encoded UTF-8")
        }
        var values: [String] = []
        guard decoded.count <= Self.maximumSegments, let node = root.find(decoded[...], &values) else {
            throw Problem(status: 404, code: .notFound, title: "There is nothing at this path")
        }
        let route = node.routes[request.method] ?? (request.method == .head ? node.routes[.get] : nil)
        guard let route else { throw MethodNotAllowed(methods: node.routes.keys) }
        return (route, values)
    }
}

private struct MethodNotAllowed: Error {
    let allowed: String

    init(methods: some Sequence<APIMethod>) {
        var names = Set(methods.map(\.description))
        if names.contains("GET") { names.insert("HEAD") }
        allowed = names.sorted().joined(separator: ", ")
    }

    var problem: Problem {
        Problem(status: 405, code: .methodNotAllowed, title: "This path takes only \(allowed)")
    }
}

extension APIResponse {
    /// A problem that names the request it is about.
    static func problem(_ problem: Problem, headers: APIHeaders = [:], for request: APIRequest) -> Self {
        var problem = problem
        problem.requestID = request.id
        return .problem(problem, headers: headers)
    }
}
