/// One setting of a process: its names, what it takes, its default, and where it goes.
public struct Setting: Sendable {
    /// In the environment: `GONDOLA_LISTEN`.
    public let name: String
    /// On the command line, without its dashes: `listen`. Nil for a secret, which other users could read there.
    public let flag: String?
    public let section: Section
    /// Stands for the value in help: `DURATION`.
    public let placeholder: String
    /// Completes "expected …".
    public let expected: String
    /// The default as one would write it; nil where there is none.
    public let defaultText: String?
    /// One sentence, without a full stop.
    public let help: String
    /// Whether values must stay out of messages.
    public let isSecret: Bool
    /// Puts a value in its place; false if the text is no such value.
    let apply: @Sendable (String, inout Configuration) -> Bool

    /// The groups that help shows.
    public enum Section: String, Sendable, CaseIterable {
        case places, upstream, worker, money, phones, process

        public var title: String {
            switch self {
            case .places: "Where things are"
            case .upstream: "The upstream"
            case .worker: "The worker"
            case .money: "Money"
            case .phones: "The phone's API"
            case .process: "The process"
            }
        }
    }

    init<Value: Sendable>(
        _ section: Section, _ name: String, _ path: any WritableKeyPath<Configuration, Value> & Sendable,
        _ format: ValueFormat<Value>, _ help: String, isSecret: Bool = false, hasFlag: Bool = true
    ) {
        self.name = name
        self.section = section
        self.help = help
        self.isSecret = isSecret
        flag = hasFlag ? Self.flag(of: name) : nil
        placeholder = format.placeholder
        expected = format.expected
        let shown = format.show(Configuration()[keyPath: path])
        defaultText = shown.isEmpty ? nil : shown
        apply = { text, configuration in
            guard let value = format.parse(text) else { return false }
            configuration[keyPath: path] = value
            return true
        }
    }

    /// `GONDOLA_OPS_LISTEN` → `ops-listen`, `VENICE_BASE_URL` → `venice-base-url`.
    static func flag(of name: String) -> String {
        let word = name.hasPrefix("GONDOLA_") ? name.dropFirst("GONDOLA_".count) : name[...]
        return word.lowercased().replacing("_", with: "-")
    }

    /// What help says beside the flag.
    public var helpLine: String {
        "\(help) (\(name)\(defaultText.map { "; default: \($0)" } ?? ""))"
    }

}
