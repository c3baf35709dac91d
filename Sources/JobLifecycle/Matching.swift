/// A matching of lefts with rights, each with at most one, that grows one left at a time.
///
/// A set of lefts can be matched whole exactly if adding them one after the other, in any order, succeeds each time.
struct Matching {
    private let edges: [[Int]]
    private var rightOf: [Int: Int] = [:]
    private var leftOf: [Int?]

    /// `edges` lists, for each left, the rights that it may have.
    init(edges: [[Int]], rights: Int) {
        self.edges = edges
        leftOf = Array(repeating: nil, count: rights)
    }

    func right(of left: Int) -> Int? { rightOf[left] }

    /// Matches one more left, moving others if need be; false, with nothing changed, if that cannot be done.
    mutating func augment(_ left: Int) -> Bool {
        if rightOf[left] != nil { return true }
        // Breadth first over alternating paths: by which left each right was reached.
        var cameFrom: [Int: Int] = [:]
        var queue = [left]
        var next = 0
        while next < queue.count {
            let current = queue[next]
            next += 1
            for right in edges[current] where cameFrom[right] == nil {
                cameFrom[right] = current
                guard let holder = leftOf[right] else {
                    flip(to: right, from: left, cameFrom)
                    return true
                }
                queue.append(holder)
            }
        }
        return false
    }

    private mutating func flip(to free: Int, from start: Int, _ cameFrom: [Int: Int]) {
        var right = free
        while let left = cameFrom[right] {
            let given = rightOf[left]
            rightOf[left] = right
            leftOf[right] = left
            guard left != start, let given else { return }
            right = given
        }
    }
}
