public import Foundation

/// The stretch of time that a budget is for: a calendar day or a calendar month, in UTC.
public enum BudgetPeriod: String, Hashable, Sendable, CaseIterable {
    case day, month

    /// When the period that `now` lies in ends, and the next begins with nothing spent.
    public func renewal(after now: Date) -> Date {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let unit: Calendar.Component = self == .day ? .day : .month
        return calendar.dateInterval(of: unit, for: now)?.end ?? now.addingTimeInterval(86_400)
    }
}
