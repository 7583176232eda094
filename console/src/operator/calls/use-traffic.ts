import { useEffect, useState } from "react";

/** One request as it ended. */
export interface TrafficLine {
  readonly at: string;
  readonly requestId: string;
  readonly account: string | null;
  readonly method: string;
  readonly endpoint: string | null;
  readonly status: number;
  readonly ms: number;
  readonly creditType: string | null;
  readonly charged: number;
  readonly refusal: string | null;
}

interface Traffic {
  readonly lines: readonly TrafficLine[];
  readonly isOpen: boolean;
  /** How many the reader was too slow for. */
  readonly missed: number;
}

/** More are not read by anybody, and each costs a row. */
const MOST_LINES = 200;

const NOTHING: Traffic = { lines: [], isOpen: false, missed: 0 };

/** The requests as they end, the newest first, while `isWatching`. The browser asks again when the stream ends. */
export function useTraffic(isWatching: boolean): Traffic {
  const [traffic, setTraffic] = useState<Traffic>(NOTHING);
  useEffect(() => {
    if (!isWatching) return undefined;
    const source = new EventSource("/v1/traffic");
    const on = (name: string, change: (now: Traffic, data: string) => Traffic): void =>
      source.addEventListener(name, (event: MessageEvent<string>) =>
        setTraffic((now) => change(now, event.data)),
      );
    source.addEventListener("open", () => setTraffic((now) => ({ ...now, isOpen: true })));
    source.addEventListener("error", () => setTraffic((now) => ({ ...now, isOpen: false })));
    on("request", (now, data) => {
      const line: TrafficLine = JSON.parse(data);
      return { ...now, lines: [line, ...now.lines].slice(0, MOST_LINES) };
    });
    on("gap", (now, data) => {
      const { missed }: { missed: number } = JSON.parse(data);
      return { ...now, missed: now.missed + missed };
    });
    return () => {
      source.close();
      setTraffic((now) => ({ ...now, isOpen: false }));
    };
  }, [isWatching]);
  return traffic;
}
