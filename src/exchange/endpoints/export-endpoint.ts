import type { Refusal } from "../../domain/refusal.ts";
import type { RequestTarget } from "../../domain/routes/request-path.ts";
import { LINK_PARAMETER } from "../../exports/export-links.ts";
import type { Exchange } from "../parts/exchange.ts";
import type { ExportDoor, ExportEndpoint } from "../parts/export-door.ts";
import { limitRate } from "../request/identify.ts";
import { RETRY_AFTER_SECONDS } from "../response/error-refusal.ts";
import { createExport } from "./create-export.ts";
import { downloadExport } from "./download-export.ts";
import { listExportFiles } from "./list-export-files.ts";

/** Answers a request about exports, whose sender is known: rate limited, without the upstream. */
export async function answerExport(
  exchange: Exchange,
  door: ExportDoor,
  endpoint: ExportEndpoint,
  target: RequestTarget,
): Promise<Refusal | undefined> {
  const { identity } = exchange;
  if (identity === undefined) throw new TypeError("exports are an account's");
  exchange.endpoint = nameEndpoint(endpoint);
  exchange.spends = spendsOf(door, endpoint);
  const isOfCustomerApi = endpoint.kind === "file" && endpoint.isLinkable;
  const refusal = await limitRate(exchange, target.path, isOfCustomerApi ? "customer_api" : "contract");
  if (refusal !== undefined) return refusal;
  if (identity.unconfirmed) return { code: "storage_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS };
  if (endpoint.kind === "create") return await createExport(exchange, door, endpoint, target, identity);
  if (endpoint.kind === "files") return await listExportFiles(exchange, door, endpoint.exportId, identity);
  return await downloadExport(exchange, door, endpoint, identity);
}

/**
 * What the endpoint's exports spend: of an export that nobody has, what all of them do. Undefined where they differ, and below the
 * customer API, whose answers carry no headers of the contract.
 */
function spendsOf(door: ExportDoor, endpoint: ExportEndpoint): string | undefined {
  if (endpoint.kind === "create") return endpoint.of.creditType;
  if (endpoint.kind === "file" && endpoint.isLinkable) return undefined;
  const [first, ...others] = new Set(door.kinds.map(({ creditType }) => creditType));
  return others.length === 0 ? first : undefined;
}

/** One name for all of a kind: paths hold ids, and a metric must not have a series for each. */
function nameEndpoint(endpoint: ExportEndpoint): string {
  if (endpoint.kind === "create") return endpoint.of.endpoint;
  return endpoint.kind === "files" ? "export files" : "export file";
}

/** The link that a request came with; undefined: it has none, and needs a key. Two of them are none that can be good. */
export function readLink(query: string): string | undefined {
  if (query === "") return undefined;
  const links = new URLSearchParams(query).getAll(LINK_PARAMETER);
  return links.length > 1 ? "" : links[0];
}

/** Answers a request for a file that came with a link instead of a key. */
export async function answerLink(
  exchange: Exchange,
  door: ExportDoor,
  endpoint: Extract<ExportEndpoint, { readonly kind: "file" }>,
  target: RequestTarget,
  link: string,
): Promise<Refusal | undefined> {
  exchange.endpoint = nameEndpoint(endpoint);
  const account = door.links.verify(target.path, link);
  if (account === "invalid") return { code: "action_not_permitted", reason: "This link is not valid." };
  if (account === "expired") return { code: "action_not_permitted", reason: "This link has expired." };
  if (!exchange.parts.accounts.enter(account.accountId)) {
    return { code: "overloaded", retryAfterSeconds: RETRY_AFTER_SECONDS };
  }
  exchange.slot = account.accountId;
  return await downloadExport(exchange, door, endpoint, account);
}
