import ArgumentParser
import Foundation
import SyncService
import VideoModels

struct Models: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "See which models there are, what each takes and costs.",
        discussion: "gondola models list --kind text-to-video",
        subcommands: [List.self, ModelsRefresh.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List models with what they accept.",
            discussion: """
                gondola models list --kind text-to-video

                TAKES names the other fields of a request, those that are needed with a !; --json has their limits. The \
                upstream publishes no prices: --prices asks for that of the plainest request, one question a model, which \
                costs nothing. Where a model needs a file there is none without it.
                """)

        @OptionGroup var phone: PhoneOptions
        @OptionGroup var output: OutputOptions
        @Option(help: "Only this kind: \(VideoModel.Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
        var kind: String?
        @Flag(help: "Ask what the plainest request costs.") var prices = false
        @OptionGroup var limit: LimitOptions
        @Argument(help: "Only models whose id or name contains this.") var search: String?

        func validate() throws {
            guard let kind, VideoModel.Kind(rawValue: kind) == nil else { return }
            let kinds = VideoModel.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("there is no kind '\(kind)'; there are \(kinds)")
        }

        func run() async throws {
            let client = try phone.client()
            let all = try await patiently { try await client.models() }.filter(isWanted).sorted { $0.id < $1.id }
            let models = await limit.page { Array(all.prefix($0)) }
            guard prices else { return try output.show(models) { Self.table(models) } }
            var priced: [PricedModel] = []
            for model in models { priced.append(try await price(of: model, client)) }
            try output.show(priced) { Self.table(models, prices: priced.map { $0.price?.description ?? "-" }) }
        }

        struct PricedModel: Encodable {
            var id: String
            var request: VideoRequest
            var price: Money?
            /// Why there is none.
            var refusal: String?
        }

        private func price(of model: VideoModel, _ client: PhoneClient) async throws -> PricedModel {
            let request = Self.plainRequest(model)
            do throws(PhoneClientError) {
                return PricedModel(id: model.id, request: request, price: try await client.quote(request).price)
            } catch {
                guard case .problem(let problem, _) = error else { throw error }
                return PricedModel(id: model.id, request: request, refusal: problem.detail ?? problem.title)
            }
        }

        /// The first of everything that has to be chosen.
        static func plainRequest(_ model: VideoModel) -> VideoRequest {
            var request = VideoRequest(model: model.id, prompt: "a gondola at dawn")
            request.duration = model.durations.first.flatMap { $0 == "Auto" ? nil : $0 }
            request.resolution = model.resolutions.first
            request.aspectRatio = model.aspectRatios.first
            return request
        }

        private func isWanted(_ model: VideoModel) -> Bool {
            let fits = search.map { word in
                "\(model.id) \(model.name)".lowercased().contains(word.lowercased())
            }
            return (fits ?? true) && (kind == nil || kind == model.kind.word)
        }

        static func table(_ models: [VideoModel], prices: [String]? = nil) -> Table {
            let rest: [Table.Column] = [
                .shrinking("DURATIONS"), .shrinking("RESOLUTIONS").extra, .shrinking("ASPECT RATIOS").extra,
                .left("SOUND").extra, .shrinking("TAKES").extra, .left("PRIVACY").extra, .left("NOTE").extra,
            ]
            let first: [Table.Column] = [.left("MODEL"), .left("KIND")]
            let price: [Table.Column] = prices == nil ? [] : [.right("PRICE")]
            let rows = models.enumerated().map { number, model -> [String] in
                let price: [String] = prices.map { [$0[number]] } ?? []
                return [model.id, model.kind.word] + price + facts(of: model)
            }
            return Table(first + price + rest, rows: rows)
        }

        private static func facts(of model: VideoModel) -> [String] {
            [
                model.durations.joined(separator: " "), model.resolutions.joined(separator: " "),
                model.aspectRatios.joined(separator: " "), model.sound.word, inputs(of: model), model.privacy.word,
                note(on: model),
            ]
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
