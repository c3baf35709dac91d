import Testing
import VideoModels

@testable import gondola

struct TableTests {
    private let table = Table(
        [.left("ID"), .shrinking("NAME"), .right("JOBS"), .left("NOTE").extra],
        rows: [["1", "Ada Lovelace of London", "12", "first"], ["22", "Bo", "3", ""]])

    @Test func `without a width nothing is cut and numbers stand to the right`() {
        #expect(
            table.lines(width: nil) == [
                "ID  NAME                    JOBS  NOTE",
                "1   Ada Lovelace of London    12  first",
                "22  Bo                         3",
            ])
    }

    @Test func `what may shrink is cut to fit the terminal`() {
        let lines = table.lines(width: 30)
        #expect(lines[1] == "1   Ada Lovelace…    12  first")
        #expect(lines.allSatisfy { TextWidth.columns(of: $0) <= 30 })
    }

    @Test func `extra columns go before anything is cut beyond recognition`() {
        #expect(table.lines(width: 20)[0] == "ID  NAME        JOBS")
        #expect(table.lines(width: 20)[1] == "1   Ada Lovel…    12")
    }

    @Test(arguments: [1, 5, 12, 17])
    func `no line is ever wider than the terminal`(_ width: Int) {
        #expect(table.lines(width: width).allSatisfy { TextWidth.columns(of: $0) <= width })
    }

    @Test func `wide characters take two columns`() {
        let lines = Table([.shrinking("NAME"), .left("X")], rows: [["貢多拉貢多拉", "|"], ["ab", "|"]]).lines(width: nil)
        #expect(lines[1] == "貢多拉貢多拉  |")
        #expect(lines[2] == "ab            |")
        #expect(TextWidth.cut("貢多拉", to: 4) == "貢…")
    }

    @Test func `text from outside cannot command the terminal`() {
        let lines = Table([.left("PROMPT")], rows: [["a\u{1B}[2J\nb\u{202E}c"]]).lines(width: nil)
        #expect(lines[1] == "a [2J b c")
    }

    @Test func `findings are shown with what would be accepted`() {
        let finding = Finding(
            field: "request.duration", code: .notAllowed, message: "not a value", given: "9s", allowed: ["5s", "10s"])
        #expect(
            FindingTable.text([finding], width: nil)
                == """
                FIELD             CODE         GIVEN  WHAT IS WRONG
                request.duration  not_allowed  9s     not a value: 5s, 10s
                """)
    }
}

struct ProgressBarTests {
    @Test func `a bar has the same width at every fraction`() {
        for step in -10...110 {
            #expect(ProgressBar.text(Double(step) / 100, width: 20).count == 20)
        }
    }

    @Test func `a bar fills in eighths`() {
        #expect(ProgressBar.text(0, width: 4) == "····")
        #expect(ProgressBar.text(0.5, width: 4) == "██··")
        #expect(ProgressBar.text(0.53125, width: 4) == "██▏·")
        #expect(ProgressBar.text(1, width: 4) == "████")
    }

    @Test func `lines are drawn over those of before`() {
        var live = LiveLines()
        #expect(live.redraw(["a", "b"]) == "\r\u{1B}[2Ka\n\r\u{1B}[2Kb\n")
        #expect(live.redraw(["c"]).hasPrefix("\u{1B}[2A"))
    }
}
