import Foundation
import Testing

@testable import gondola_bench

/// The server's log, as a script that does the same once more.
struct TranscriptTests {
    @Test func `transactions that overlapped follow one another in the order of their ends`() throws {
        let transcript = try Transcript([
            line("a1", "statement: begin"), line("b1", "statement: begin"), line("a1", "execute <unnamed>: select 1"),
            line("b1", "execute <unnamed>: select 2"), line("b1", "statement: commit"),
            line("b2", "statement: select 3"), line("a1", "statement: commit"),
        ])
        #expect(transcript.script == "begin;\nselect 2;\ncommit;\nselect 3;\nbegin;\nselect 1;\ncommit;\n")
        #expect(transcript.statements == 7)
        #expect(transcript.transactions == 3)
    }

    @Test func `what came in one pipeline goes out in one message`() throws {
        let transcript = try Transcript([
            line("a1", "execute <unnamed>: select 1"), line("a1", "execute <unnamed>: select 2"),
            line("a2", "execute <unnamed>: select 3"),
        ])
        #expect(transcript.script == "select 1\\;\nselect 2;\nselect 3;\n")
    }

    @Test func `what was prepared is prepared once and executed as often as it was`() throws {
        let transcript = try Transcript([
            line("a1", "execute one: select $1::int", "parameters: $1 = '1'"),
            line("b1", "execute one: select $1::int", "parameters: $1 = '2'"), line("b2", "execute two: select 3"),
        ])
        #expect(
            transcript.script
                == "prepare one as select $1::int;\nprepare two as select 3;\nexecute one('1');\nexecute one('2');\n"
                + "execute two;\n")
    }

    @Test func `values stand in the statement as the literals that the server logged`() throws {
        let values = "parameters: $1 = 'it''s $2, say', $2 = NULL, $3 = '{\"a\": 1}'"
        let transcript = try Transcript([line("a1", "execute <unnamed>: select $1, $2::text, $3::jsonb", values)])
        #expect(transcript.script == "select 'it''s $2, say', NULL::text, '{\"a\": 1}'::jsonb;\n")
    }

    @Test func `a statement without all of its values is refused`() {
        #expect(throws: (any Error).self) {
            try Transcript([line("a1", "execute <unnamed>: select $2", "parameters: $1 = '1'")])
        }
    }

    @Test func `lines that are no statements are passed over`() throws {
        let lines = [line("a1", "connection authorized: user=postgres"), line("a1", "statement: "), line("a2", nil)]
        #expect(try Transcript(lines).script.isEmpty)
    }

    @Test func `the server's own lines are understood`() throws {
        let json = """
            {"dbname":"bench","session_id":"692.1","vxid":"3/7","message":"execute <unnamed>: select\\n $1", \
            "detail":"parameters: $1 = '5'","error_severity":"LOG"}
            """
        let line = try JSONDecoder().decode(LogLine.self, from: Data(json.utf8))
        #expect(line.dbname == "bench")
        #expect(try Transcript([line]).script == "select\n '5';\n")
    }

    private func line(_ transaction: String, _ message: String?, _ detail: String? = nil) -> LogLine {
        LogLine(message, detail: detail, session: String(transaction.prefix(1)), transaction: transaction)
    }
}
