import Foundation
import FuzzExercise

/// What libFuzzer's own main calls with each input. The readers are async; each input is waited for, so that a crash
/// belongs to the one that libFuzzer writes down.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    let done = DispatchSemaphore(value: 0)
    Task.detached {
        await exercise(bytes)
        done.signal()
    }
    done.wait()
    return 0
}
