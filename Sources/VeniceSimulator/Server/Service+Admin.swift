import Foundation

/// The simulator's own routes under `/_simulator/`, which the real service does not have.
extension Service {
    func administer(_ request: APIRequest) -> Answer {
        switch (request.method, request.path) {
        case ("GET", "/_simulator/ledger"): return showLedger()
        case ("POST", "/_simulator/faults"): return takeFaults(request.body)
        case ("DELETE", "/_simulator/faults"):
            clearFaults()
            return Answer(status: 204)
        case ("GET", let path): return showHash(path)
        default: return .error(404, "The simulator has no such route")
        }
    }

    private func showLedger() -> Answer {
        do {
            return Answer(status: 200, headers: [("Content-Type", "application/json")], body: try ledger().json())
        } catch {
            return .error(500, "The ledger cannot be written as JSON: \(error)")
        }
    }

    private func takeFaults(_ body: Data) -> Answer {
        do {
            let faults = try StrictJSON.decode([Fault].self, from: body)
            try inject(faults)
            return .json(200, ["accepted": .number(Double(faults.count))])
        } catch {
            return .error(400, "Not a list of faults: \(error)")
        }
    }

    private func showHash(_ path: String) -> Answer {
        let parts = path.split(separator: "/")
        guard parts.count == 4, parts[1] == "jobs", parts[3] == "sha256" else {
            return .error(404, "The simulator has no such route")
        }
        guard let hash = sha256(ofJob: String(parts[2])) else { return .error(404, "No file for this job") }
        return .json(200, ["sha256": .string(hash)])
    }
}
