import { describe, expect, it } from "vitest";
import { configuration, duration, interval, percent, points } from "./figures";

describe("figures", () => {
  it("tells a difference in points, with its sign", () => {
    expect([points(0.034), points(-0.02), points(0)]).toEqual(["+3.4", "−2.0", "0.0"]);
  });

  it("says so while an interval is not known", () => {
    expect(interval(null)).toBe("not known yet");
    expect(interval({ low: null, high: null })).toBe("not known yet");
    expect(interval({ low: -0.01, high: 0.052 })).toBe("−1.0 to +5.2");
  });

  it("shortens durations, and never counts below nothing", () => {
    expect([duration(-3), duration(59.4), duration(130), duration(7300)]).toEqual([
      "0 s",
      "59 s",
      "2 min",
      "2 h",
    ]);
  });

  it("tells a configuration on a line", () => {
    expect(configuration({ model: "m2", turn: { near_db: 9 } })).toBe(
      'model m2, turn {"near_db":9}',
    );
    expect([configuration({}), percent(0.1234)]).toEqual(["as it is", "12.3%"]);
  });
});
