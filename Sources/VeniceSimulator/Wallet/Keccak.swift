/// Keccak-256 as Ethereum hashes, written apart from the client's: lanes as a 5×5 grid, constants as published tables.
struct Keccak {
    private var grid = [[UInt64]](repeating: [UInt64](repeating: 0, count: 5), count: 5)

    static func hash256(_ message: [UInt8]) -> [UInt8] {
        let block = 136
        var padded = message + [0x01]
        padded += [UInt8](repeating: 0, count: (block - padded.count % block) % block)
        padded[padded.count - 1] |= 0x80
        var state = Keccak()
        for start in stride(from: 0, to: padded.count, by: block) {
            for lane in 0..<block / 8 {
                let bytes = padded[start + 8 * lane..<start + 8 * lane + 8]
                state.grid[lane % 5][lane / 5] ^= bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            }
            state.permute()
        }
        return (0..<32).map { UInt8(truncatingIfNeeded: state.grid[$0 / 8][0] >> UInt64($0 % 8 * 8)) }
    }

    private mutating func permute() {
        for round in Self.constants {
            theta()
            var moved = grid
            for x in 0..<5 {
                for y in 0..<5 { moved[y][(2 * x + 3 * y) % 5] = Self.turn(grid[x][y], Self.turns[x][y]) }
            }
            for x in 0..<5 {
                for y in 0..<5 { grid[x][y] = moved[x][y] ^ (~moved[(x + 1) % 5][y] & moved[(x + 2) % 5][y]) }
            }
            grid[0][0] ^= round
        }
    }

    private mutating func theta() {
        let columns = grid.map { $0.reduce(0, ^) }
        for x in 0..<5 {
            let mix = columns[(x + 4) % 5] ^ Self.turn(columns[(x + 1) % 5], 1)
            for y in 0..<5 { grid[x][y] ^= mix }
        }
    }

    private static func turn(_ lane: UInt64, _ bits: UInt64) -> UInt64 {
        bits == 0 ? lane : lane << bits | lane >> (64 - bits)
    }

    private static let turns: [[UInt64]] = [
        [0, 36, 3, 41, 18], [1, 44, 10, 45, 2], [62, 6, 43, 15, 61], [28, 55, 25, 21, 56], [27, 20, 39, 8, 14],
    ]

    private static let constants: [UInt64] = [
        0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808A, 0x8000_0000_8000_8000,
        0x0000_0000_0000_808B, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
        0x0000_0000_0000_008A, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000A,
        0x0000_0000_8000_808B, 0x8000_0000_0000_008B, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
        0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800A, 0x8000_0000_8000_000A,
        0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
    ]
}
