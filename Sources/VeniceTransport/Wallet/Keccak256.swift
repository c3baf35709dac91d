/// The hash that Ethereum uses: Keccak with its original padding, which SHA3-256 changed afterwards.
///
/// The C libraries of the system have SHA3-256 only, so this is our own. It hashes messages of a few hundred bytes.
enum Keccak256 {
    /// What one permutation takes in, in bytes: 1600 bits less twice the length of the digest.
    private static let rate = 136

    /// 32 bytes.
    static func hash(_ message: some Sequence<UInt8>) -> [UInt8] {
        var lanes = [UInt64](repeating: 0, count: 25)
        var position = 0
        func absorb(_ byte: UInt8, at position: Int) { lanes[position / 8] ^= UInt64(byte) << (8 * (position % 8)) }
        for byte in message {
            absorb(byte, at: position)
            position += 1
            if position == rate {
                permute(&lanes)
                position = 0
            }
        }
        absorb(0x01, at: position)
        absorb(0x80, at: rate - 1)
        permute(&lanes)
        return (0..<32).map { UInt8(truncatingIfNeeded: lanes[$0 / 8] >> (8 * ($0 % 8))) }
    }

    /// Keccak-f[1600]: 24 rounds of θ, ρ and π, χ, ι. The lane at (x, y) is `lanes[x + 5 * y]`.
    private static func permute(_ lanes: inout [UInt64]) {
        for constant in roundConstants {
            mixColumns(&lanes)
            rotateAndMove(&lanes)
            mixRows(&lanes)
            lanes[0] ^= constant
        }
    }

    private static func mixColumns(_ lanes: inout [UInt64]) {
        var parity = [UInt64](repeating: 0, count: 5)
        for index in lanes.indices { parity[index % 5] ^= lanes[index] }
        for index in lanes.indices {
            let x = index % 5
            lanes[index] ^= parity[(x + 4) % 5] ^ rotated(parity[(x + 1) % 5], by: 1)
        }
    }

    /// Follows each lane to where it moves; the next one waits there.
    private static func rotateAndMove(_ lanes: inout [UInt64]) {
        var moving = lanes[1]
        for (target, distance) in zip(targets, distances) {
            (lanes[target], moving) = (rotated(moving, by: distance), lanes[target])
        }
    }

    private static func mixRows(_ lanes: inout [UInt64]) {
        for row in stride(from: 0, to: 25, by: 5) {
            let old = Array(lanes[row..<row + 5])
            for x in 0..<5 { lanes[row + x] = old[x] ^ (~old[(x + 1) % 5] & old[(x + 2) % 5]) }
        }
    }

    private static func rotated(_ lane: UInt64, by distance: UInt64) -> UInt64 {
        lane << distance | lane >> (64 - distance)
    }

    /// The way through π: (x, y) moves to (y, 2x + 3y), beginning with (1, 0), which comes to (0, 2).
    private static let targets: [Int] = {
        var (x, y) = (1, 0)
        return (0..<24).map { _ in
            (x, y) = (y, (2 * x + 3 * y) % 5)
            return x + 5 * y
        }
    }()

    /// The triangular numbers, by which ρ turns the lanes along that way.
    private static let distances: [UInt64] = (1...24).map { UInt64($0 * ($0 + 1) / 2 % 64) }

    /// Bits 2^j - 1 of each constant come from a shift register (x^8 + x^6 + x^5 + x^4 + 1).
    private static let roundConstants: [UInt64] = {
        var register: UInt8 = 1
        return (0..<24).map { _ in
            (0..<7).reduce(UInt64(0)) { constant, j in
                defer { register = register << 1 ^ (register >> 7 == 1 ? 0x71 : 0) }
                return register & 1 == 1 ? constant | 1 << ((1 << j) - 1) : constant
            }
        }
    }()
}
