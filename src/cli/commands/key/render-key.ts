import type { z } from "zod";
import type { keyBody } from "../../../api/wire/key.ts";

type Key = z.infer<typeof keyBody>;

/** A key for people, one member a line. */
export function renderKey(key: Key): string {
  const lines: [string, readonly string[]][] = [
    ["key", [`${key.id} (${key.hint})`]],
    ["account", [key.account]],
    ["name", [key.name]],
    ["state", [key.state]],
    ["scopes", key.scopes ?? ["every endpoint"]],
    ["addresses", key.addresses ?? ["from everywhere"]],
    ["caps", key.caps.length === 0 ? ["none"] : key.caps.flatMap(renderCap)],
    ["created", [key.createdAt]],
    ["expires", [key.expiresAt ?? "never"]],
    ["last used", [key.lastUsedAt ?? "never"]],
    ["in grace", key.secretsInGrace.length === 0 ? ["none"] : key.secretsInGrace.map(renderSecret)],
  ];
  return lines
    .flatMap(([title, values]) =>
      values.map((value, index) => `${(index === 0 ? title : "").padEnd(11)}${value}`.trimEnd()),
    )
    .map((line) => `${line}\n`)
    .join("");
}

function renderCap(cap: Key["caps"][number]): string[] {
  const ends = { day: ` until ${cap.dayEndsAt}`, month: ` until ${cap.monthEndsAt}`, total: "" };
  const source = cap.source === "plan" ? " (from the plan)" : "";
  return (["day", "month", "total"] as const).flatMap((window) => {
    const amount = cap[window];
    if (amount === null) return [];
    return [`${cap.spent[window]} of ${amount} ${cap.creditType}, ${window}${ends[window]}${source}`];
  });
}

function renderSecret({ hint, expiresAt, lastUsedAt }: Key["secretsInGrace"][number]): string {
  return `${hint} until ${expiresAt}, last used ${lastUsedAt ?? "never"}`;
}
