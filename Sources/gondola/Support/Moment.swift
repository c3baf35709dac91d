import ArgumentParser
import Foundation
import SyncService
import VideoModels

/// A moment as people give it: a time, a day (UTC), or how long ago.
struct Moment: ExpressibleByArgument, Equatable {
    var date: Date

    init(_ date: Date) { self.date = date }

    init?(argument: String) {
        let day = argument.wholeMatch(of: /\d{4}-\d\d-\d\d/) == nil ? argument : argument + "T00:00:00Z"
        if let date = Wire.date(from: day) {
            self.date = date
        } else if let seconds = DurationText.parse(argument), seconds <= 100 * 365 * 86_400 {
            date = Date(timeIntervalSinceNow: -seconds)
        } else {
            return nil
        }
    }
}
