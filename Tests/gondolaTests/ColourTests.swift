import Testing

@testable import gondola

struct ColourTests {
    private let table = Table(
        [.left("ID"), .left("STATE").tinted, .shrinking("NAME")],
        rows: [["1", "ready", "Ada"], ["2", "teleporting", "ready"]])

    @Test func `words that say how a thing is have a colour, in their column alone`() {
        #expect(
            table.lines(width: 80, isColoured: true) == [
                "ID  STATE        NAME", "1   \u{1B}[32mready\u{1B}[0m        Ada", "2   teleporting  ready",
            ])
    }

    @Test func `without colours there is not one escape, nor in a line that had to be cut`() {
        #expect(!table.lines(width: 80).joined().contains("\u{1B}"))
        #expect(!table.lines(width: 10, isColoured: true).joined().contains("\u{1B}"))
    }

    @Test(arguments: [["NO_COLOR": "1"], ["NO_COLOR": "0"]])
    func `whoever wants no colours gets none`(_ environment: [String: String]) {
        #expect(!Tint.isWanted(environment, onTerminal: true))
    }

    @Test func `a terminal has colours unless somebody says otherwise, and nothing else has`() {
        #expect(Tint.isWanted([:], onTerminal: true) && Tint.isWanted(["NO_COLOR": ""], onTerminal: true))
        #expect(!Tint.isWanted([:], onTerminal: false))
    }
}
