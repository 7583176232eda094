import { type ByteRange, parseByteRange } from "../../domain/byte-range.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { ExportAccount } from "../../exports/exports.ts";
import { refuseEnded } from "../../exports/refuse-ended.ts";
import type { Exchange } from "../parts/exchange.ts";
import type { ExportDoor, ExportEndpoint, ExportJob, ExportPart } from "../parts/export-door.ts";
import { tellAnswered } from "../response/account-state.ts";
import { addRateHeaders, answerInParts, sendWhole } from "../response/respond.ts";
import { nameFile } from "./export-facts.ts";

type FileEndpoint = Extract<ExportEndpoint, { readonly kind: "file" }>;

/**
 * Sends a file, or the part of it that is asked for. A name is only compared with the names of the export's files, so
 * whatever it says, nothing else is opened.
 */
export async function downloadExport(
  exchange: Exchange,
  door: ExportDoor,
  { exportId, name, isLinkable }: FileEndpoint,
  account: ExportAccount,
): Promise<Refusal | undefined> {
  const job = await door.service.read(account, exportId);
  if (job === undefined) return { code: "resource_unknown", what: "export", id: exportId };
  if (!isLinkable) exchange.spends = job.creditType;
  const refusal = refuseEnded(job);
  if (refusal !== undefined) return refusal;
  const unknown: Refusal = { code: "resource_unknown", what: "file", id: name };
  // Before its charge an export has no files for anybody.
  if (job.state !== "charged") return unknown;
  const listed = await door.service.files(account, exportId);
  if (listed?.kind !== "files") return unknown;
  const part = listed.parts.find((one) => nameFile(exchange, job, one) === name);
  return part === undefined ? unknown : await sendFile(exchange, door, { job, part, name });
}

interface File {
  readonly job: ExportJob;
  readonly part: ExportPart;
  readonly name: string;
}

async function sendFile(exchange: Exchange, door: ExportDoor, file: File): Promise<Refusal | undefined> {
  const { job, part } = file;
  const etag = `"${part.sha256}"`;
  const headers = describeFile(file, etag);
  const bodiless = (status: number): undefined => {
    const list = headers.flat();
    addRateHeaders(exchange, list);
    sendWhole(exchange, status, undefined, list, []);
  };
  // Its charge was told where the files were listed.
  if (exchange.spends !== undefined) await tellAnswered(exchange);
  if (matches(exchange.header("if-none-match"), etag)) return bodiless(304);
  const range = readRange(exchange, part.bytes, etag);
  if (range === "none") return { code: "range_unsatisfiable", bytes: part.bytes };
  const { start, end } = range ?? { start: 0, end: part.bytes - 1 };
  headers.push(["Content-Length", String(end - start + 1)]);
  if (range !== undefined) headers.push(["Content-Range", `bytes ${start}-${end}/${part.bytes}`]);
  const head = { status: range === undefined ? 200 : 206, headers };
  if (exchange.method === "HEAD" || part.bytes === 0) return bodiless(head.status);
  const asked = range && { first: range.start, last: range.end };
  const opened = await door.service.open(job, job.exportId, part.part, asked);
  // It expired while it was asked for.
  if (opened?.kind !== "opened") return { code: "export_expired", id: job.exportId };
  await answerInParts(exchange, head, opened.stream);
  return undefined;
}

/** Compressed files are sent as such, and not decoded on the way: their bytes are what ranges and digests are of. */
function describeFile({ job, part, name }: File, etag: string): [string, string][] {
  const { format, gzip } = job;
  const plain = format === "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson";
  return [
    ["Content-Type", gzip ? "application/gzip" : plain],
    ["Content-Disposition", `attachment; filename="${name.slice(name.lastIndexOf("/") + 1)}"`],
    ["Accept-Ranges", "bytes"],
    ["ETag", etag],
    ["Repr-Digest", `sha-256=:${Buffer.from(part.sha256, "hex").toString("base64")}:`],
    ["Cache-Control", "private, no-store"],
  ];
}

/**
 * A part goes on with a whole that is still the same one (RFC 9110 section 13.1.5): else the whole is sent. Only GET has ranges
 * (section 14.2).
 */
function readRange(exchange: Exchange, bytes: number, etag: string): ByteRange | "none" | undefined {
  if (exchange.method !== "GET") return undefined;
  const condition = exchange.header("if-range");
  if (condition !== undefined && condition.trim() !== etag) return undefined;
  return parseByteRange(exchange.header("range"), bytes);
}

/** `If-None-Match`: a list of tags, weak ones too, or `*`. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => ["*", etag, `W/${etag}`].includes(tag.trim()));
}
