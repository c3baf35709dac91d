import Foundation
import TestSupport
import VideoModels

/// Any value at all of the types on the wire, sensible or not.
struct RandomValues {
    var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed) }

    mutating func flip() -> Bool { Bool.random(using: &generator) }
    mutating func maybe<Value>(_ make: (inout Self) -> Value) -> Value? { flip() ? make(&self) : nil }
    mutating func list<Value>(_ make: (inout Self) -> Value) -> [Value] {
        (0..<Int.random(in: 0...3, using: &generator)).map { _ in make(&self) }
    }
    mutating func id<Entity>() -> Identifier<Entity> { .sample(.random(in: 0..<1000, using: &generator)) }
    mutating func int() -> Int { [.min, -1, 0, 1, 24, .max].randomElement(using: &generator) ?? 0 }
    mutating func double() -> Double {
        [0, -0.1, 1e-300, 1.7e308, 12.5, .random(in: -1e6...1e6, using: &generator)].randomElement(using: &generator)
            ?? 0
    }
    mutating func date() -> Date {
        Date(timeIntervalSince1970: Double(Int.random(in: 0..<4_000_000_000, using: &generator)) + 0.5)
    }
    mutating func money() -> Money {
        Money(usd: Decimal(Int.random(in: -1_000_000...9_999_999, using: &generator)) / 1_000_000)
    }

    /// Letters, controls, quotes, and what lies outside of the first plane.
    mutating func text() -> String {
        let scalars = ["a", "Ω", "\"", "\\", "\n", "\0", "/", "é", "👩‍👩‍👧", "\u{202E}", "\u{FFFF}", "'"]
        return list { $0.list { scalars.randomElement(using: &$0.generator) ?? "" }.joined() }.joined()
    }

    /// A known word, or one that came later.
    mutating func word<Known: CaseIterable>() -> Open<Known> {
        if flip(), let known = Known.allCases.randomElement(using: &generator) { return .known(known) }
        return Open("later " + text())
    }

    mutating func source() -> MediaSource { flip() ? .asset(id()) : .url(text()) }

    mutating func request() -> VideoRequest {
        var request = VideoRequest(model: text(), prompt: maybe { $0.text() })
        request.negativePrompt = maybe { $0.text() }
        request.duration = maybe { $0.text() }
        request.resolution = maybe { $0.text() }
        request.aspectRatio = maybe { $0.text() }
        request.audio = maybe { $0.flip() }
        request.upscaleFactor = maybe { $0.int() }
        request.image = maybe { $0.source() }
        request.endImage = maybe { $0.source() }
        request.audioTrack = maybe { $0.source() }
        request.video = maybe { $0.source() }
        request.referenceImages = maybe { $0.list { $0.source() } }
        request.referenceVideos = maybe { $0.list { $0.source() } }
        request.referenceAudios = maybe { $0.list { $0.source() } }
        request.referenceDocuments = maybe { $0.list { $0.source() } }
        request.referenceVideoSeconds = maybe { $0.double() }
        request.sceneImages = maybe { $0.list { $0.source() } }
        request.elements = maybe { $0.list { $0.element() } }
        request.keyframes = maybe { $0.list { VideoRequest.Keyframe(image: $0.source(), frame: $0.int()) } }
        request.imageReferences = maybe {
            $0.list {
                VideoRequest.ImageReference(
                    image: $0.source(), role: $0.maybe { $0.word() }, name: $0.maybe { $0.text() })
            }
        }
        request.videoReferences = maybe {
            $0.list {
                VideoRequest.VideoReference(
                    video: $0.source(), name: $0.maybe { $0.text() }, audio: $0.maybe { $0.source() })
            }
        }
        request.cameraPath = maybe {
            $0.list {
                VideoRequest.CameraPoint(
                    time: $0.double(), azimuth: $0.double(), elevation: $0.double(), distance: $0.double())
            }
        }
        request.referenceTask = maybe { $0.word() }
        request.bitrate = maybe { $0.word() }
        request.voice = maybe { $0.text() }
        return request
    }

    private mutating func element() -> VideoRequest.Element {
        VideoRequest.Element(
            frontalImage: maybe { $0.source() }, referenceImages: maybe { $0.list { $0.source() } },
            video: maybe { $0.source() })
    }

    mutating func input() -> ModelInput {
        var input = ModelInput(
            least: maybe { $0.int() }, most: maybe { $0.int() }, options: maybe { $0.list { $0.text() } },
            shortestSeconds: maybe { $0.double() }, longestSeconds: maybe { $0.double() },
            totalSeconds: maybe { $0.double() }, mostBytes: maybe { $0.int() }, shortestSidePixels: maybe { $0.int() },
            leastRatio: maybe { $0.double() }, mostRatio: maybe { $0.double() },
            alsoCounts: maybe { $0.list { $0.text() } }, excludes: maybe { $0.list { $0.text() } })
        input.need = word()
        return input
    }

    mutating func model() -> VideoModel {
        var model = VideoModel(
            id: text(), name: text(), kind: word(), durations: list { $0.text() }, resolutions: list { $0.text() },
            aspectRatios: list { $0.text() }, sound: word(), promptCharacterLimit: int(), privacy: word(),
            isOffline: flip())
        model.inputs = [:]
        for _ in 0..<Int.random(in: 0...5, using: &generator) { model.inputs[text()] = input() }
        model.description = maybe { $0.text() }
        model.source = maybe { $0.text() }
        model.tags = list { $0.text() }
        (model.isRestricted, model.isUncensored) = (flip(), flip())
        model.createdAt = maybe { $0.date() }
        model.deprecation = maybe {
            VideoModel.Deprecation(
                removedAt: $0.maybe { $0.date() }, startsAt: $0.maybe { $0.date() }, isRemapped: $0.flip(),
                replacement: $0.maybe { $0.text() })
        }
        return model
    }

    mutating func job() -> Job {
        Job(
            id: id(), status: word(), request: request(), price: maybe { $0.money() }, createdAt: date(),
            updatedAt: date(), estimate: maybe { Job.Estimate(startedAt: $0.date(), usualSeconds: $0.double()) },
            videoID: maybe { $0.id() },
            failure: maybe { Job.Failure(code: $0.text(), message: $0.text(), refunded: $0.maybe { $0.flip() }) },
            attention: maybe { Job.Attention(kind: $0.word(), message: $0.text(), consent: $0.maybe { $0.policy() }) },
            hold: maybe { Job.Hold(kind: $0.word(), message: $0.text(), until: $0.maybe { $0.date() }) },
            priority: maybe { $0.word() })
    }

    mutating func policy() -> Job.ConsentPolicy {
        Job.ConsentPolicy(
            policyText: text(), version: maybe { $0.text() }, docsURL: maybe { $0.text() }, media: [text(), text()])
    }

    mutating func detail() -> JobDetail {
        JobDetail(
            job: job(), sequence: .random(in: 0 ... .max, using: &generator),
            timeline: list { Job.Step(status: $0.word(), at: $0.date()) })
    }

    mutating func video() -> Video {
        Video(
            id: id(), jobID: id(), model: text(), contentType: text(), bytes: Int64(int()), sha256: text(),
            durationSeconds: maybe { $0.double() }, width: maybe { $0.int() }, height: maybe { $0.int() },
            hasSound: maybe { $0.flip() }, frameRate: maybe { $0.double() }, videoCodec: maybe { $0.text() },
            audioCodec: maybe { $0.text() }, poster: maybe { $0.picture() }, preview: maybe { $0.picture() },
            createdAt: date())
    }

    mutating func picture() -> Video.Picture {
        Video.Picture(contentType: text(), bytes: Int64(int()), sha256: text(), width: int(), height: int())
    }

    mutating func asset() -> Asset {
        Asset(
            id: id(), contentType: text(), bytes: Int64(int()), sha256: text(), createdAt: date(),
            expiresAt: maybe { $0.date() })
    }

    mutating func change() -> Change {
        let sequence = Int64.random(in: 0 ... .max, using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: return Change(sequence: sequence, object: .job(job()))
        case 1: return Change(sequence: sequence, object: .video(video()))
        case 2: return Change(sequence: sequence, object: .settings(settings()))
        case 3: return Change(sequence: sequence, object: .spending(spending()))
        case 4: return Change(sequence: sequence, object: .deleted(kind: word(), id: text()))
        default: return Change(sequence: sequence, object: .unknown(kind: "later " + text(), id: text()))
        }
    }

    mutating func settings() -> UserSettings {
        UserSettings(
            id: id(), name: text(), activeJobLimit: maybe { Int.random(in: 0...100, using: &$0.generator) },
            budgetPerDay: maybe { $0.money() }, budgetPerMonth: maybe { $0.money() },
            keeping: maybe {
                KeepingRule(
                    days: $0.maybe { $0.int() }, newest: $0.maybe { $0.int() },
                    quotaBytes: $0.maybe { Int64($0.int()) }, quotaRemovesOldest: $0.flip())
            })
    }

    mutating func spending() -> Spending {
        func period(_ random: inout Self) -> Spending.Period {
            Spending.Period(startsOn: random.text(), spent: random.money(), budget: random.maybe { $0.money() })
        }
        return Spending(id: id(), day: period(&self), month: period(&self))
    }

    mutating func page() -> ChangePage {
        ChangePage(
            isSnapshot: flip(), changes: list { $0.change() }, cursor: text(), hasMore: flip(),
            from: .random(in: 0 ... .max, using: &generator), through: .random(in: 0 ... .max, using: &generator))
    }

    mutating func batch() -> ChangeBatch {
        var state = FeedState()
        state.cursor = maybe { $0.text() }
        state.through = maybe { .random(in: 0 ... .max, using: &$0.generator) }
        state.phase = [.snapshot, .catchingUp, .following][Int.random(in: 0..<3, using: &generator)]
        state.round = int()
        return ChangeBatch(state, changes: list { $0.change() }, dropsEarlierRounds: flip())
    }

    mutating func finding() -> Finding {
        var finding = Finding(
            field: text(), code: .required, message: text(), given: maybe { $0.text() },
            allowed: maybe { $0.list { $0.text() } })
        finding.code = word()
        return finding
    }

    mutating func problem() -> Problem {
        var problem = Problem(
            status: int(), code: .unavailable, title: text(), detail: maybe { $0.text() },
            requestID: maybe { $0.text() }, errors: maybe { $0.list { $0.finding() } })
        problem.code = word()
        return problem
    }
}
