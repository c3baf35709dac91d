import TestSupport
import Testing
import VideoModels

@Suite struct DigestCheckTests {
    private func entry(_ number: Int, sequence: Int64? = nil) -> DigestPage.Entry {
        DigestPage.Entry(
            kind: number.isMultiple(of: 3) ? .unknown("album") : .known(.job), id: "\(number)",
            sequence: sequence ?? Int64(number))
    }

    /// Asks a server that holds `theirs` until there is nothing to ask.
    private func walk(
        _ mine: [DigestPage.Entry], _ theirs: [DigestPage.Entry], leaf: Int = 4
    ) throws -> (differences: Set<DigestCheck.Difference>, questions: Int) {
        var check = DigestCheck(mine, through: 9)
        var questions = 0
        while let prefix = check.next {
            questions += 1
            try check.take(FeedModel.digest(of: theirs, prefix, at: 9, leaf: leaf))
        }
        #expect(Set(check.differences).count == check.differences.count)
        return (Set(check.differences), questions)
    }

    private func expected(
        _ mine: [DigestPage.Entry], _ theirs: [DigestPage.Entry]
    ) -> Set<DigestCheck.Difference> {
        func table(_ entries: [DigestPage.Entry]) -> [Change.ObjectKey: Int64] {
            Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0.sequence) })
        }
        let (here, there) = (table(mine), table(theirs))
        return Set(
            Set(here.keys).union(there.keys).filter { here[$0] != there[$0] }.map {
                DigestCheck.Difference(kind: $0.kind, id: $0.id, here: here[$0], there: there[$0])
            })
    }

    @Test(arguments: [0, 1, 5, 3000]) func `an equal copy is proven by one answer`(count: Int) throws {
        let entries = (0..<count).map { entry($0) }
        let found = try walk(entries.shuffled(), entries)
        #expect(found.differences.isEmpty && found.questions == 1)
        let all = DigestCheck(entries, through: 9)
        #expect(all.digest.count == count && all.digest.text == FeedModel.digest(of: entries, "", at: 9).digest)
    }

    @Test func `one object among thousands is found in as many steps as their number has digits`() throws {
        let entries = (0..<4096).map { entry($0) }
        for (mine, theirs) in [
            (entries.filter { $0.id != "77" }, entries), (entries, entries.filter { $0.id != "77" }),
            (entries.filter { $0.id != "77" } + [entry(77, sequence: 5)], entries),
        ] {
            let found = try walk(mine, theirs)
            #expect(found.differences == expected(mine, theirs))
            // 4096 are 16³: three levels of children, one list, and one for luck.
            #expect((2...5).contains(found.questions))
        }
    }

    @Test(arguments: 0..<UInt64(150)) func `whatever differs is found, and nothing else`(seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let count = Int.random(in: 0...400, using: &generator)
        let theirs = (0..<count).map { entry($0) }
        var mine = theirs
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: mine.append(entry(1000 + mine.count * 7 + Int(seed)))
            case 1: if !mine.isEmpty { mine.remove(at: Int.random(in: mine.indices, using: &generator)) }
            default:
                guard let index = mine.indices.randomElement(using: &generator) else { break }
                mine[index].sequence += Int64.random(in: 1...3, using: &generator)
            }
        }
        mine = Array(Dictionary(mine.map { ($0.key, $0) }) { $1 }.values)
        let found = try walk(mine, theirs, leaf: Int.random(in: 1...64, using: &generator))
        #expect(found.differences == expected(mine, theirs))
    }

    @Test func `a copy and a server with nothing in common are told apart up to a bound`() throws {
        let found = try walk((0..<3000).map { entry($0) }, (5000..<9000).map { entry($0) }, leaf: 64)
        #expect(found.differences.count == DigestCheck.differenceLimit)
    }

    @Test func `a server that has moved on ends the comparison`() {
        var check = DigestCheck([entry(1)], through: 8)
        #expect(throws: DigestCheck.Failure.moved(to: 9)) { try check.take(FeedModel.digest(of: [], "", at: 9)) }
    }

    @Test func `an answer that cannot be one is refused and never taken for a proof`() {
        let mine = [entry(1), entry(2)]
        let good = FeedModel.digest(of: [entry(1)], "", at: 9)
        let node = DigestPage.Node(prefix: "00", count: 1, digest: good.digest)
        var wrong: [DigestPage] = []
        for change: (inout DigestPage) -> Void in [
            { $0.prefix = "a" }, { $0.digest = "x" }, { $0.count = -1 }, { $0.objects = nil },
            { $0.objects = [entry(1), entry(1)] }, { ($0.objects, $0.children) = (nil, [node]) },
            { $0.digest = String(repeating: "0", count: 32) },
            { $0.objects = mine },
        ] {
            var page = good
            change(&page)
            wrong.append(page)
        }
        for page in wrong.filter({ $0 != good }) {
            var check = DigestCheck(mine, through: 9)
            let isProof = (try? check.take(page)) != nil && check.next == nil && check.differences.isEmpty
            #expect(!isProof, "\(page)")
        }
    }
}
