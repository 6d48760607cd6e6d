import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { calendarWindow, hourOf, rollingWindow } from "../../src/popularity/SalesBucket.ts"
import "../support/random.ts"

const hour = 3_600_000
const at = (iso: string): number => Date.parse(iso)

describe("the rolling window", () => {
  it("is the last 24 × days hours, ending with the one that has begun", () => {
    fc.assert(
      fc.property(fc.nat(4 * 10 ** 12), fc.integer({ min: 1, max: 366 }), (now, days) => {
        const { fromHour, untilHour } = rollingWindow(now, days)
        expect(untilHour - fromHour).toBe(24 * days)
        expect((untilHour - 1) * hour <= now && now < untilHour * hour).toBe(true)
      }),
    )
  })
})

describe("the calendar window", () => {
  it.each([
    [
      "a day in Seoul begins at 15:00 of the day before in UTC",
      "Asia/Seoul",
      "2024-03-10T14:59:59.999Z",
      1,
      "2024-03-09T15:00:00Z",
    ],
    ["and the next one a millisecond later", "Asia/Seoul", "2024-03-10T15:00:00Z", 1, "2024-03-10T15:00:00Z"],
    ["three days include today", "Asia/Seoul", "2024-03-10T15:00:00Z", 3, "2024-03-08T15:00:00Z"],
    ["the offset of Kiribati is a zone", "+14:00", "2024-03-10T15:00:00Z", 1, "2024-03-10T10:00:00Z"],
    ["an offset is a zone", "+09:00", "2024-03-10T15:00:00Z", 1, "2024-03-10T15:00:00Z"],
    ["a day of 23 hours is a day", "America/New_York", "2024-03-10T23:30:00-04:00", 1, "2024-03-10T00:00:00-05:00"],
    [
      "and two days across it are 47 hours",
      "America/New_York",
      "2024-03-11T23:30:00-04:00",
      2,
      "2024-03-10T00:00:00-05:00",
    ],
    ["a day of 25 hours is a day", "Europe/Berlin", "2024-10-27T23:30:00+01:00", 1, "2024-10-27T00:00:00+02:00"],
    [
      "a month back over the change of summer time",
      "Europe/Berlin",
      "2024-11-10T12:00:00+01:00",
      31,
      "2024-10-11T00:00:00+02:00",
    ],
    [
      "the day before one without a midnight begins at its own midnight",
      "Africa/Cairo",
      "2024-04-26T12:00:00+03:00",
      2,
      "2024-04-25T00:00:00+02:00",
    ],
    [
      "a day without a midnight begins at one, seen from later days",
      "Africa/Cairo",
      "2024-04-27T12:00:00+03:00",
      2,
      "2024-04-26T01:00:00+03:00",
    ],
    ["a leap day is a day", "UTC", "2024-03-01T00:00:00Z", 2, "2024-02-29T00:00:00Z"],
    ["the year's end is crossed", "UTC", "2024-01-01T00:00:00Z", 2, "2023-12-31T00:00:00Z"],
  ])("%s", (_, zone, now, days, from) => {
    const window = calendarWindow(at(now), days, zone)
    expect(window).toEqual({ fromHour: at(from) / hour, untilHour: hourOf(at(now)) + 1 })
  })

  it.each(["Asia/Kolkata", "Asia/Kathmandu", "+05:30", "-03:30", "Australia/Adelaide"])(
    "of %s is refused: its days do not begin on a whole hour",
    (zone) => expect(calendarWindow(at("2024-03-10T12:00:00Z"), 1, zone)).toBeUndefined(),
  )

  it.each(["", "Mars/Olympus", "KST+", "25:00", "seoul", "+25:00", "-15:00", "+99:00"])(
    "of %j is refused: there is no such zone",
    (zone) => {
      expect(calendarWindow(at("2024-03-10T12:00:00Z"), 1, zone)).toBeUndefined()
    },
  )

  it("always holds the current hour and begins on a whole one, in zones with summer time too", () => {
    const zones = fc.constantFrom(
      "Asia/Seoul",
      "America/New_York",
      "Europe/Berlin",
      "Pacific/Auckland",
      "Africa/Cairo",
      "UTC",
    )
    fc.assert(
      fc.property(
        zones,
        fc.integer({ min: at("2000-01-01T00:00:00Z"), max: at("2035-01-01T00:00:00Z") }),
        fc.integer({ min: 1, max: 60 }),
        (zone, now, days) => {
          const window = calendarWindow(now, days, zone)
          expect(window).toBeDefined()
          if (window === undefined) return
          expect(hourOf(now) + 1).toBe(window.untilHour)
          const hours = window.untilHour - window.fromHour
          // Today may have just begun, and each change of summer time adds or takes an hour.
          expect(hours).toBeGreaterThanOrEqual(24 * (days - 1))
          expect(hours).toBeLessThanOrEqual(24 * days + 1)
          // Where summer time begins at midnight the day begins at one: what counts is that the hour before is of another day.
          const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric" })
          const [before, first, end] = [-1, 0, 3].map((hours) => day.format((window.fromHour + hours) * hour))
          expect(first).not.toBe(before)
          expect(first).toBe(end)
        },
      ),
    )
  })
})
