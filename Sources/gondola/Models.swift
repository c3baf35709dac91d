import ArgumentParser
import Foundation
import VideoModels

struct Models: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "See which models there are, and what each takes.",
        discussion: "gondola models list --kind text-to-video",
        subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List models with what they accept.",
            discussion: """
                gondola models list --kind text-to-video

                TAKES names the other fields of a request, those that are needed with a !; --json has their limits.
                """)

        @OptionGroup var phone: PhoneOptions
        @OptionGroup var output: OutputOptions
        @Option(help: "Only this kind: \(VideoModel.Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
        var kind: String?
        @Argument(help: "Only models whose id or name contains this.") var search: String?

        func validate() throws {
            guard let kind, VideoModel.Kind(rawValue: kind) == nil else { return }
            let kinds = VideoModel.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("there is no kind '\(kind)'; there are \(kinds)")
        }

        func run() async throws {
            let client = try phone.client()
            let models = try await patiently { try await client.models() }.filter(isWanted)
            try output.show(models) { Self.table(models) }
        }

        private func isWanted(_ model: VideoModel) -> Bool {
            let fits = search.map { word in
                "\(model.id) \(model.name)".lowercased().contains(word.lowercased())
            }
            return (fits ?? true) && (kind == nil || kind == model.kind.word)
        }

        static func table(_ models: [VideoModel]) -> Table {
            Table(
                [
                    .left("MODEL"), .left("KIND"), .shrinking("DURATIONS"), .shrinking("RESOLUTIONS").extra,
                    .shrinking("ASPECT RATIOS").extra, .left("SOUND").extra, .shrinking("TAKES").extra,
                    .left("PRIVACY").extra, .left("NOTE").extra,
                ],
                rows: models.sorted { $0.id < $1.id }.map { model in
                    [
                        model.id, model.kind.word, model.durations.joined(separator: " "),
                        model.resolutions.joined(separator: " "), model.aspectRatios.joined(separator: " "),
                        model.sound.word, inputs(of: model), model.privacy.word, note(on: model),
                    ]
                })
        }

        /// The fields beside those of the other columns: what is needed with a `!`, then what is taken. What the model
        /// perhaps takes is in the JSON.
        private static func inputs(of model: VideoModel) -> String {
            func fields(_ need: ModelInput.Need) -> [String] {
                model.inputs.filter { $0.value.need == .known(need) }.keys.sorted()
            }
            return (fields(.required).map { "\($0)!" } + fields(.optional)).joined(separator: " ")
        }

        private static func note(on model: VideoModel) -> String {
            if model.isOffline { return "offline" }
            return model.removedAt.map { "leaves \(TimeText.time($0).prefix(10))" } ?? ""
        }
    }
}
