/// A setting as it is resolved: its value and where that comes from. Holds no secret.
public struct SettingReport: Encodable, Hashable, Sendable {
    /// Its variable in the environment.
    public var name: String
    /// Nil for what may not stand on a command line.
    public var flag: String?
    /// As one would write it; nil where there is none, and for secrets.
    public var value: String?
    public var origin: Origin
    /// The flag, variable or file that gave it.
    public var source: String?
    public var isSecret: Bool
    public var section: String

    public enum Origin: String, Encodable, Hashable, Sendable {
        case flag, environment, file
        /// Nobody has said anything.
        case `default`
        /// Nobody has, and there is no default.
        case unset
    }

    enum CodingKeys: String, CodingKey {
        case name, flag, value, origin, source, section
        case isSecret = "is_secret"
    }
}

extension Configuration {
    /// Every setting with its origin, right or wrong, in the order of help.
    public static func report(flags: [String: String], environment: [String: String]) -> [SettingReport] {
        Setting.all.map { setting in
            var report = SettingReport(
                name: setting.name, flag: setting.flag, value: setting.defaultText,
                origin: setting.defaultText == nil ? .unset : .default, isSecret: setting.isSecret,
                section: setting.section.rawValue)
            if let (source, text) = setting.given(flags, environment) {
                (report.source, report.value) = (source, text)
                report.origin = source.hasPrefix("--") ? .flag : .environment
            } else if let (source, path) = file(of: setting.name, flags, environment) {
                (report.source, report.value, report.origin) = ("\(source) \(path)", nil, .file)
            }
            if setting.isSecret { report.value = nil }
            return report
        }
    }

    /// The file that is named for a secret.
    private static func file(
        of name: String, _ flags: [String: String], _ environment: [String: String]
    ) -> (source: String, path: String)? {
        let variable = name + "_FILE"
        guard secretFileNames.contains(variable) else { return nil }
        let flag = Setting.flag(of: variable)
        if let path = flags[flag], !path.isEmpty { return ("--\(flag)", path) }
        return environment[variable].flatMap { $0.isEmpty ? nil : (variable, $0) }
    }
}
