import type { Credits } from "../../domain/credits.ts";
import type { OwnRequest } from "../../domain/own-request.ts";
import type { FieldFault } from "../../domain/refusal.ts";
import type { RenderContext, RenderedAnswer } from "../rendered-answer.ts";

type ExportFormat = "jsonl" | "csv";

/** What a request that creates an export says besides what it is about. */
export interface ExportChoices {
  /** Undefined: as many as the export may have. */
  readonly limit: number | undefined;
  /** Undefined: the route's first. */
  readonly format: ExportFormat | undefined;
  readonly policy: "all" | "covered";
}

/** An export as the contract's answers show it. */
export interface ExportFacts {
  readonly id: string;
  readonly state: string;
  /** The match of its route. */
  readonly endpoint: string;
  readonly creditType: string;
  /** Of one record. */
  readonly cost: Credits;
  /** Found so far. */
  readonly records: number;
  /** Undefined: nothing was charged yet. */
  readonly charged: Credits | undefined;
  readonly createdMs: number;
  /** When its files are removed; undefined: not known yet. */
  readonly expiresMs: number | undefined;
  /** Where the customer API answers: `/v1/credits`. */
  readonly customerApi: string;
}

/** A file of an export. */
export interface ExportFileFacts {
  /** As the contract names it. */
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
  /** A path with its query that downloads the file without a key for a while; undefined: there is none. */
  readonly link: string | undefined;
}

/** How exports look on the wire. */
export interface ExportWire {
  /** Matches of the contract's own endpoints; undefined: it has none. */
  readonly filesMatch: string | undefined;
  readonly fileMatch: string | undefined;
  /** Faults when something cannot be read. */
  readChoices(
    request: OwnRequest,
    allowed: { readonly formats: readonly ExportFormat[]; readonly maxRecords: number },
  ): ExportChoices | readonly FieldFault[];
  renderCreated(facts: ExportFacts, context: RenderContext): RenderedAnswer;
  renderRunning(facts: ExportFacts, context: RenderContext): RenderedAnswer;
  renderFiles(facts: ExportFacts, files: readonly ExportFileFacts[], context: RenderContext): RenderedAnswer;
  /** The name of an export's file; numbers begin at 0. */
  nameFile(file: {
    readonly exportId: string;
    readonly number: number;
    readonly format: ExportFormat;
    readonly gzip: boolean;
  }): string;
}
