import type { ExportFacts, ExportFileFacts } from "../../contract/exports/export-wire.ts";
import type { Exchange } from "../parts/exchange.ts";
import type { ExportDoor, ExportJob, ExportPart } from "../parts/export-door.ts";

/** An export as the contract shows it. */
export function toExportFacts({ customerApi }: ExportDoor, job: ExportJob): ExportFacts {
  return {
    id: job.exportId,
    state: job.state,
    endpoint: job.endpoint,
    creditType: job.creditType,
    cost: job.price,
    records: job.records,
    charged: job.charge?.charged,
    createdMs: job.createdAt.getTime(),
    expiresMs: job.expiresAt?.getTime(),
    customerApi: customerApi ?? "",
  };
}

/** The same as when it was created: a repeated request gets the answer that the first one got. */
export function toNewExportFacts(door: ExportDoor, job: ExportJob): ExportFacts {
  return {
    ...toExportFacts(door, job),
    state: "queued",
    records: 0,
    charged: undefined,
    expiresMs: undefined,
  };
}

/** The files of an export, under the contract's names, with links where the customer API answers them. */
export function toFileFacts(
  exchange: Exchange,
  door: ExportDoor,
  job: ExportJob,
  parts: readonly ExportPart[],
): readonly ExportFileFacts[] {
  return parts.map((part) => {
    const name = nameFile(exchange, job, part);
    const path = `${door.customerApi ?? ""}/exports/${job.exportId}/files/${name}`;
    return {
      name,
      records: part.records,
      bytes: part.bytes,
      sha256: part.sha256,
      link: door.customerApi === undefined ? undefined : door.links.sign(path, job).link,
    };
  });
}

/** The contract's name of a file. */
export function nameFile(
  exchange: Exchange,
  { exportId, format, gzip }: ExportJob,
  { part }: ExportPart,
): string {
  return exchange.parts.contract.exports.nameFile({ exportId, number: part - 1, format, gzip });
}
