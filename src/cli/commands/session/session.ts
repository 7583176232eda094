import type { Command } from "commander";
import type { z } from "zod";
import { endedSession, endedSessions, sessionPage } from "../../../api/wire/session.ts";
import { type Cli, dataOption, jsonOption, type OperatorOptions, printResult } from "../../cli.ts";
import { addPageOptions, type PageOptions, readPages, renderNext } from "../../render/read-pages.ts";
import { renderTable } from "../../render/table.ts";

interface ListOptions extends PageOptions {
  readonly account?: string;
  readonly pages?: string;
}

/** `farebox session list`, `farebox session end <session>` */
export function addSession(program: Command, cli: Cli): void {
  const session = program.command("session").description("who is signed in to the portal and the console");
  const list = session.command("list").description("list who is signed in, the newest first");
  addPageOptions(list, "sessions")
    .option("--account <account>", "only customers of this account")
    .option("--pages <pages>", "only of portal (customers) or console (operators)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: ListOptions) => {
      const { account, pages } = options;
      const asked = {
        path: "/v1/sessions",
        body: sessionPage,
        items: "sessions",
        query: { account, pages },
      } as const;
      const page = await readPages(cli.operator(options), asked, options);
      printResult(cli, options, page, () => renderSessions(page));
    });
  session
    .command("end")
    .description("sign a browser out; its next request is refused")
    .argument("<session>", "the session's id (ses_…)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: OperatorOptions) => {
      const path = `/v1/sessions/${encodeURIComponent(id)}/end`;
      const ended = await cli.operator(options).post(path, endedSession, {});
      printResult(
        cli,
        options,
        ended,
        () => `Ended session ${ended.id} of ${ended.account ?? ended.actor ?? ""}.\n`,
      );
    });
}

function renderSessions({ sessions, next }: z.infer<typeof sessionPage>): string {
  if (sessions.length === 0) return "Nobody is signed in.\n";
  const rows = sessions.map(({ id, pages, account, access, key, actor, role, ...times }) => [
    id,
    pages,
    account ?? actor ?? "",
    access ?? role ?? "",
    pages === "portal" ? (key ?? "link") : "",
    times.createdAt,
    times.lastSeenAt,
    times.expiresAt,
  ]);
  const head = ["SESSION", "PAGES", "WHO", "MAY", "BY", "SIGNED IN", "LAST SEEN", "ENDS"];
  return `${renderTable(head, rows)}${renderNext(next)}`;
}

/** `farebox account end-sessions <account>` */
export function addAccountEndSessions(account: Command, cli: Cli): void {
  account
    .command("end-sessions")
    .description("sign an account's customers out of the portal everywhere")
    .argument("<account>", "the account's id")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id: string, options: OperatorOptions) => {
      const path = `/v1/accounts/${encodeURIComponent(id)}/end-sessions`;
      const ended = await cli.operator(options).post(path, endedSessions, {});
      printResult(
        cli,
        options,
        ended,
        () => `Ended sessions: ${ended.sessions}. Links that work no more: ${ended.links}.\n`,
      );
    });
}
