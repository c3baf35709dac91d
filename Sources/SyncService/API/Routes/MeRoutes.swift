import Foundation
import JobStore
import VideoModels

/// What a user may know of themselves: limits, spending, devices.
extension PhoneAPI {
    /// More devices than anybody has; the newest are told.
    private static let mostDevices = 1000

    @Sendable func me(_ request: APIRequest, _ caller: Caller) async throws -> APIResponse {
        let facts = try await store.me(caller.user)
        let limits = Me.Limits(
            activeJobs: facts.activeLimit, activeNow: facts.activeJobs,
            requestsPerMinute: configuration.requestsPerMinute, requestsAtOnce: configuration.requestsAtOnce,
            assetBytes: configuration.assetBytesLimit)
        let me = Me(
            id: facts.id, name: facts.name, createdAt: facts.createdAt, limits: limits, spending: facts.spending,
            device: try await info(of: caller.device, caller))
        return .json(try Wire.encode(me), headers: Self.fresh)
    }

    @Sendable func listDevices(_ request: APIRequest, _ caller: Caller) async throws -> APIResponse {
        let devices = try await store.livingDevices(
            of: caller.user, asking: caller.device, limit: Self.mostDevices)
        return .json(try Wire.encode(["devices": devices]), headers: Self.fresh)
    }

    @Sendable func device(_ request: APIRequest, _ caller: Caller) async throws -> APIResponse {
        let device = try await info(of: try request.id(DeviceID.self), caller)
        return .json(try Wire.encode(device), headers: Self.fresh)
    }

    /// Takes a device's access away. A device may always give up its own; another's takes a token that may change things.
    @Sendable func removeDevice(_ request: APIRequest, _ caller: Caller) async throws -> APIResponse {
        let device = try request.id(DeviceID.self)
        guard device == caller.device || caller.scopes.contains(.submit) else {
            return .insufficient(.submit, for: request)
        }
        try await store.revokeToken(device: device, of: caller.user)
        door.devices.end(device)
        return APIResponse(status: 204)
    }

    private func info(of id: DeviceID, _ caller: Caller) async throws -> DeviceInfo {
        let found = try await store.livingDevices(of: caller.user, only: id, asking: caller.device, limit: 1)
        guard let device = found.first else { throw StoreError.notFound }
        return device
    }

    private static let fresh: APIHeaders = ["cache-control": "no-store"]
}
