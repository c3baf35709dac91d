import ArgumentParser
import SyncService
import Testing

@testable import gondola

struct SettingFlagTests {
    @Test func `every setting with a flag can be given on the command line`() throws {
        let flags = Setting.all.compactMap(\.flag) + Configuration.secretFileFlags.keys
        let arguments = flags.flatMap { ["--\($0)", "value of \($0)"] }
        let given = try SettingFlags.parse(arguments).given
        #expect(Set(given.keys) == Set(flags))
        for flag in flags { #expect(given[flag] == "value of \(flag)") }
    }

    @Test func `help documents every setting with its name in the environment and its default`() {
        let help = Run.helpMessage(columns: 10_000)
        for setting in Setting.all where setting.flag != nil { #expect(help.contains(setting.helpLine)) }
        for secret in Setting.all where secret.flag == nil { #expect(help.contains(secret.name)) }
    }

    @Test func `options stand under the heading of their section`() throws {
        let groups: [(Setting.Section, any SettingGroup.Type)] = [
            (.places, PlaceFlags.self), (.upstream, UpstreamFlags.self), (.worker, WorkerFlags.self),
            (.money, MoneyFlags.self), (.phones, PhoneFlags.self), (.process, ProcessFlags.self),
        ]
        for (section, group) in groups {
            let expected = Setting.all.filter { $0.section == section }.compactMap(\.flag)
            let given = try group.parse(expected.flatMap { ["--\($0)", "x"] }).given
            #expect(Set(given.keys) == Set(expected))
        }
    }

    @Test func `nothing is given unless it was named`() throws {
        #expect(try SettingFlags.parse([]).given.isEmpty)
    }
}
