import type { z } from "zod";
import type { accountBody } from "../../api/wire/account.ts";

/** An account for people, one member a line. */
export function renderAccount(account: z.infer<typeof accountBody>): string {
  const metadata = Object.entries(account.metadata).map(([name, value]) =>
    printable(`${name}: ${String(value)}`),
  );
  const lines = [
    ["account", account.id],
    ["name", account.name],
    ["state", account.state],
    ["plan", account.plan ?? "none"],
    ...(account.nextPlanAt === null
      ? []
      : [["", `${account.nextPlan ?? "none"} from ${account.nextPlanAt} on`]]),
    ["created", account.createdAt],
    ...metadata.map((member, index) => [index === 0 ? "metadata" : "", member]),
  ];
  return lines.map(([title = "", value = ""]) => `${title.padEnd(10)}${value}\n`).join("");
}

/** Metadata is any text: what would move a terminal's cursor is written as JSON writes it. */
function printable(text: string): string {
  return /\p{Cc}/u.test(text) ? JSON.stringify(text) : text;
}
