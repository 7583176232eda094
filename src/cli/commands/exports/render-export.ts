import type { z } from "zod";
import type { accountExportBody } from "../../../api/wire/export.ts";
import { countOf } from "../../render/count-of.ts";

type Export = z.infer<typeof accountExportBody>;

/** `1200 of 5000`; the number alone where nobody knows how many there are. */
export function renderRecords({ progress: { records, expected } }: Export): string {
  return expected === null || expected <= records ? String(records) : `${records} of ${expected}`;
}

export function renderCharge({ charged, creditType }: Export): string {
  return charged === null ? "" : `${charged} ${creditType}`;
}

const BAR_WIDTH = 24;

/** One line about how far it is; with a bar where somebody looks at it and the end is known. */
export function renderProgress(job: Export, withBar: boolean): string {
  const { records, expected, files } = job.progress;
  const end = Math.min(expected ?? 0, job.maxRecords);
  const text = `${job.state}, ${renderRecords(job)} records in ${countOf(files, "file")}`;
  if (!withBar || end === 0) return text;
  const filled = Math.min(BAR_WIDTH, Math.floor((records / end) * BAR_WIDTH));
  return `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}] ${text}`;
}

export function renderExport(job: Export): string {
  const { price, creditType, estimate, held, failure, progress } = job;
  const moments = Object.entries({
    created: job.createdAt,
    started: job.startedAt,
    ready: job.readyAt,
    charged: job.chargedAt,
    ended: job.endedAt,
    expires: job.expiresAt,
  }).flatMap(([name, at]) => (at === null ? [] : [`  ${name}: ${at}`]));
  const lines = [
    `${job.id}  ${renderProgress(job, false)}`,
    `  account: ${job.account}, key: ${job.key}`,
    `  endpoint: ${job.endpoint}`,
    `  price: ${price} ${creditType} for a record, at its ${job.chargeAt}, price list ${job.priceList}`,
    job.charged === null
      ? `  estimate: ${estimate} ${creditType}, of which ${held} are set aside`
      : `  charged: ${renderCharge(job)}`,
    `  policy: ${job.policy}, at most ${countOf(job.maxRecords, "record")}`,
    ...(progress.leftOut === 0 ? [] : [`  left out: ${countOf(progress.leftOut, "record")}`]),
    ...(failure === null ? [] : [`  failure: ${failure.code}: ${failure.message}`]),
    ...moments,
  ];
  return `${lines.join("\n")}\n`;
}
