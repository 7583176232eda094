import { FareboxError } from "../domain/farebox-error.ts";

/** Where a listener listens; port 0 takes any free one. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** The system's own text for a port that is taken names neither the listener nor the fix. */
export function refuseAddress(listen: Listen): (error: unknown) => never {
  return (cause) => {
    // A worker's refusal has been put into words already.
    if (cause instanceof FareboxError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FareboxError("listen_failed", `Cannot listen on ${listen.host}:${listen.port}: ${reason}`, {
      detail: {
        ...listen,
        fix: "Stop what listens there, or choose another address; port 0 takes any free one.",
      },
      cause,
    });
  };
}

export function renderUrl(address: Listen, scheme: "http" | "https"): string {
  return `${scheme}://${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
