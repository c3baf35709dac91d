import JobStore
import Testing

@testable import SyncService

@Suite struct SecretKeysTests {
    @Test func `the first key of the file seals, the rest opens, and others are missing`() {
        let sealed = [
            SealedSecrets(keyID: nil, secrets: 1), SealedSecrets(keyID: "bb", secrets: 2),
            SealedSecrets(keyID: "dd", secrets: 3),
        ]
        let keys = SecretKeys.keys(["aa", "bb"], sealed: sealed, needed: "cc")
        #expect(
            keys == [
                .init(id: "aa", role: .seals, isNeeded: false, secrets: 0),
                .init(id: "bb", role: .opens, isNeeded: false, secrets: 2),
                .init(id: "cc", role: .missing, isNeeded: true, secrets: 0),
                .init(id: "dd", role: .missing, isNeeded: false, secrets: 3),
                .init(id: nil, role: .unnamed, isNeeded: false, secrets: 1),
            ])
    }
}
