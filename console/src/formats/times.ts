/** The reader's time zone by its IANA name; UTC where the browser does not say. */
export const TIME_ZONE = readTimeZone();

function readTimeZone(): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  return timeZone === undefined || timeZone === "" || timeZone === "Etc/Unknown" ? "UTC" : timeZone;
}

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: TIME_ZONE });
const MOMENT = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
  timeZone: TIME_ZONE,
});
const MINUTE = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: TIME_ZONE,
});
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: TIME_ZONE });
const HOUR = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", timeZone: TIME_ZONE });
const MONTH = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric", timeZone: TIME_ZONE });

export const showDate = (iso: string): string => DATE.format(new Date(iso));
/** To the second. */
export const showMoment = (iso: string): string => MOMENT.format(new Date(iso));
export const showMinute = (iso: string): string => MINUTE.format(new Date(iso));
export const showDay = (iso: string): string => DAY.format(new Date(iso));
export const showHour = (iso: string): string => HOUR.format(new Date(iso));
export const showMonth = (iso: string): string => MONTH.format(new Date(iso));

const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** `in 3 days`, `2 hours ago`. */
export function showDistance(iso: string, now: number = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.round(seconds / length), unit);
  }
  return RELATIVE.format(Math.round(seconds), "second");
}

const BYTES = ["B", "KB", "MB", "GB", "TB"] as const;

export function showBytes(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 }).format(bytes / 1000 ** step);
  return `${value} ${BYTES[step] ?? "B"}`;
}
