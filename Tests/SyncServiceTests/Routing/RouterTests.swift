import NIOCore
import Testing
import VideoModels

@testable import SyncService

@Suite struct RouterTests {
    struct Unexpected: Error {}

    private var router: Router {
        var router = Router { _, _ in .text("mapped", status: 500) }
        router.add(.get, "/v1/jobs") { _ in .text("list") }
        router.add(.post, "/v1/jobs") { _ in .text("submit") }
        router.add(.get, "/v1/jobs/{id}") { .text("job \($0.parameters["id"] ?? "?")") }
        router.add(.get, "/v1/jobs/mine") { _ in .text("mine") }
        router.add(.post, "/v1/jobs/{id}/cancel") { .text("cancel \($0.parameters["id"] ?? "?")") }
        router.add(.get, "/v1/{a}/x/{b}") { .text("\($0.parameters["a"] ?? "?") \($0.parameters["b"] ?? "?")") }
        router.add(.get, "/problem") { _ in throw Problem(status: 409, code: .stateConflict, title: "No") }
        router.add(.get, "/error") { _ in throw Unexpected() }
        return router
    }

    private func respond(_ method: APIMethod, _ path: String) async -> (status: Int, text: String, allow: String?) {
        let request = APIRequest(
            method: method, path: path, query: [], headers: [:], remoteAddress: "", id: "r1",
            body: RequestBody(length: 0, limit: 0, pipe: BodyPipe(holding: ByteBuffer())), drain: DrainSignal())
        let response = await router.handle(request)
        guard case .bytes(let bytes) = response.body else { return (response.status, "", nil) }
        return (response.status, String(buffer: bytes), response.headers["allow"])
    }

    @Test(arguments: [
        ("GET", "/v1/jobs", "list"), ("POST", "/v1/jobs", "submit"), ("GET", "/v1/jobs/7", "job 7"),
        ("GET", "/v1/jobs/mine", "mine"), ("POST", "/v1/jobs/mine/cancel", "cancel mine"),
        ("GET", "/v1/jobs/x/8", "jobs 8"), ("GET", "/v1/jobs/a%2Fb%20%C3%A9", "job a/b é"),
        ("HEAD", "/v1/jobs", "list"),
        ("GET", "/v1/jobs/%2525", "job %25"), ("GET", "/v1/jobs/a+b", "job a+b"), ("GET", "/%76%31/jobs", "list"),
    ])
    func `a path finds its handler, decoded once`(method: String, path: String, text: String) async {
        #expect(await respond(APIMethod(method), path) == (200, text, nil))
    }

    @Test(arguments: [
        "/", "/v1", "/v1/", "/v1/jobs/", "//v1/jobs", "/v1//jobs", "/v1/jobs/1/2", "/V1/jobs", "/v1/x//y",
    ])
    func `any other path is not found`(path: String) async {
        let response = await respond(.get, path)
        #expect(response.status == 404 && response.text.contains(#""code":"not_found""#))
        #expect(response.text.contains(#""request_id":"r1""#))
    }

    @Test func `another method is told which there are`() async {
        let response = await respond(.delete, "/v1/jobs")
        #expect(response.status == 405 && response.allow == "GET, HEAD, POST")
        #expect(await respond(.get, "/v1/jobs/1/cancel").allow == "POST")
    }

    @Test(arguments: ["/v1/jobs/%", "/v1/jobs/%zz", "/v1/jobs/%ff", "/v1/jobs/%00", "/v1/jobs/%+1"])
    func `a path that cannot be decoded is malformed`(path: String) async {
        #expect(await respond(.get, path).status == 400)
    }

    @Test func `a problem is answered as such, and any other error by the mapping`() async {
        #expect(await respond(.get, "/problem").status == 409)
        #expect(await respond(.get, "/error").text == "mapped")
    }

    @Test func `a path of many segments is not searched`() async {
        #expect(await respond(.get, String(repeating: "/a", count: 4_000)).status == 404)
    }
}
