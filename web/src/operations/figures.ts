/** Figures as people read them. */

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** An interval of differences of shares, in percentage points; open while too little is known. */
export function interval(range: { low: number | null; high: number | null } | null): string {
  if (!range || range.low === null || range.high === null) return "not known yet";
  return `${points(range.low)} to ${points(range.high)}`;
}

export function points(difference: number): string {
  const value = (100 * difference).toFixed(1);
  return difference > 0 ? `+${value}` : value.replace("-", "−");
}

export function milliseconds(value: number): string {
  return value > 0 ? `${Math.round(value)}` : "";
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  return `${Math.floor(whole / 3600)} h`;
}

/** A configuration on one line: `temperature 0.9, model m2`. */
export function configuration(config: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(config).map(
    ([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`,
  );
  return told.join(", ") || "as it is";
}
