import ArgumentParser
import Foundation

/// `--yes`, and the question that it answers.
struct Confirmation: ParsableArguments {
    @Flag(help: "Do not ask.") var yes = false

    /// Says what is about to happen, and returns once somebody has agreed by typing the word. Never asks where nobody can
    /// answer.
    func ask(_ lines: [String], typing word: String, unless isAnswered: Bool = false) throws {
        if yes || isAnswered { return }
        for line in lines { Terminal.complain(line) }
        guard Terminal.isInput else {
            throw CommandFailure(.usage, "there is nobody to ask; say --yes to do it without a question")
        }
        Terminal.complain("Type \(word) to do it:")
        guard readLine()?.trimmingCharacters(in: .whitespaces) == word else {
            throw CommandFailure(.failed, "nothing was changed")
        }
    }
}
