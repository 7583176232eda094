import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { zonedClock } from "./zoned-time.ts";

describe("zonedClock", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["UTC", "2026-08-23T13:05:09.999Z", "2026-08-23T13:05:09Z"],
    ["utc", "2026-08-23T00:00:00Z", "2026-08-23T00:00:00Z"],
    ["America/New_York", "2026-08-23T04:00:00Z", "2026-08-23T00:00:00-04:00"],
    ["Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01T05:45:00+05:45"],
    // The hour that comes twice when summer time ends.
    ["Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02:30:00+02:00"],
    ["Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00+01:00"],
    ["Pacific/Kiritimati", "2026-12-31T10:00:00Z", "2027-01-01T00:00:00+14:00"],
  ];
  for (const [zone, moment, iso] of cases) {
    it(`${moment} is ${iso} in ${zone}`, () => {
      const shown = zonedClock(zone)(Date.parse(moment));
      assert.deepEqual(shown, { date: iso.slice(0, 10), clock: iso.slice(11, 16), iso });
      assert.equal(Date.parse(shown.iso), Math.floor(Date.parse(moment) / 1000) * 1000);
    });
  }

  it("throws for what is no time zone", () => {
    assert.throws(() => zonedClock("Mars/Olympus"), RangeError);
  });
});
