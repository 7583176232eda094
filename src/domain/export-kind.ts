import type { Credits } from "./credits.ts";

/**
 * One kind of export, as farebox.yaml says it and `src/exports` carries it out. A job keeps what its price and its files depend on;
 * the source is looked up by the kind's name, so that a fixed address or credential counts for jobs that are waiting.
 */
export interface ExportKind {
  /** Stands in the job: of every instance's configuration the same name means the same source. */
  readonly name: string;
  /** The route that creates one, as entries and reports name it: `POST /v2/data_requests/{entity}/filter`. */
  readonly endpoint: string;
  readonly source: ExportSource;
  readonly creditType: string;
  /** For one record. */
  readonly price: Credits;
  readonly charge: ExportChargeAt;
  /** What a request may ask for; the first is what it gets when it asks for none. */
  readonly formats: readonly ExportFormat[];
  /** The cells of a CSV line, each a JSON pointer into the record. Needed where `csv` is a format. */
  readonly columns: readonly ExportColumn[];
  /** Whether a text of CSV that a spreadsheet would compute gets an apostrophe before it. */
  readonly formulas: "disarm" | "keep";
  readonly gzip: boolean;
  /** Records of a part: the last one may have fewer. */
  readonly partRecords: number;
  /** No job has more records. */
  readonly maxRecords: number;
  /** What happens when the source has more than a job may have: it ends there, or fails with `export_too_large`. */
  readonly whenMore: "stop" | "fail";
  /** An identical request is refused while one is queued or running. */
  readonly refuseDuplicates: boolean;
  /** How long files can be had, counted from when the job was ready, and again from the charge. */
  readonly keepSeconds: number;
  /** Of one account at the same time: queued and running. */
  readonly maxOpen: number;
  /** Of one account at the same time: open, and with files. */
  readonly maxKept: number;
  readonly limits: ExportLimits;
}

/** When records are paid for: when the last part is in, or at the first listing of the files that finds the job ready. */
export type ExportChargeAt = "completion" | "listing";

export type ExportFormat = "jsonl" | "csv";

interface ExportColumn {
  /** In the header. */
  readonly name: string;
  readonly pointer: string;
}

/** `all`: every record or none. `covered`: as many as the pool covers when the job is created. */
export type ExportPolicy = "all" | "covered";

/** What a source may do at most before its job fails: it is somebody else's program. */
interface ExportLimits {
  /** Of one record, in bytes. */
  readonly recordBytes: number;
  /** Of all records of a job before they are compressed. */
  readonly totalBytes: number;
  /** From the creation of a job to its last part. */
  readonly seconds: number;
}

export type ExportSource = LinesSource | PagesSource | CollectSource;

interface SourceBase {
  /** Where a record's id is, as a JSON pointer; a record whose id was there already is left out. Undefined: none is. */
  readonly id?: string | undefined;
  readonly throttle: SourceThrottle;
}

/** One answer that streams JSON Lines. After a break it is asked for again, and what is there already is passed over. */
export interface LinesSource extends SourceBase {
  readonly kind: "lines";
  readonly call: SourceCall;
}

/** Answers with an array of records each. */
export interface PagesSource extends SourceBase {
  readonly kind: "pages";
  readonly call: SourceCall;
  readonly paging: SourcePaging;
}

/** Ids, and a call for each. One that is unknown (404, 410) is left out. */
export interface CollectSource {
  readonly kind: "collect";
  readonly ids:
    | { readonly from: "request"; readonly pointer: string }
    | { readonly from: "search"; readonly call: SourceCall; readonly paging: SourcePaging };
  /** `{id}` in its address is the id, encoded. */
  readonly call: SourceCall;
  readonly throttle: SourceThrottle;
}

/** How an upstream is asked. */
export interface SourceCall {
  /** Absolute. `{name}` is a path parameter of the request, encoded. */
  readonly url: string;
  readonly method: "GET" | "POST";
  /** The upstream's credentials among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is sent: the part of the request's body at this JSON pointer, `""` being all of it. Undefined: nothing. */
  readonly body?: string | undefined;
}

/** How an upstream pages. */
export interface SourcePaging {
  /** The array of items in an answer, as a JSON pointer: `""` is the answer itself. */
  readonly items: string;
  /** What is sent to get the page that follows. Absent, null or empty in the answer: it was the last one. `count`: 1, 2, 3, … */
  readonly next:
    | { readonly from: "header"; readonly name: string }
    | { readonly from: "body"; readonly pointer: string }
    | { readonly from: "count"; readonly first: number };
  readonly send:
    | { readonly to: "query"; readonly name: string }
    | { readonly to: "body"; readonly name: string };
  /** Where an answer says how many there are in all: for progress only. */
  readonly total?:
    | { readonly from: "header"; readonly name: string }
    | { readonly from: "body"; readonly pointer: string }
    | undefined;
}

/** What an upstream is asked at most. */
export interface SourceThrottle {
  /** Calls of one job at the same time; of `collect` only. */
  readonly concurrency: number;
  /** Calls a second of one job; undefined: as fast as it answers. */
  readonly perSecond?: number | undefined;
  /** A call that failed (no connection, 429, 5xx) is repeated so often before the job rests and goes on later. */
  readonly retries: number;
  /** For a head, and for any pause within a body. */
  readonly timeoutMs: number;
}

/** Where parts lie. */
export type ExportStorageTarget =
  | { readonly kind: "folder"; readonly path: string }
  | {
      readonly kind: "s3";
      /** Undefined: Amazon's of the region. */
      readonly endpoint?: string | undefined;
      readonly region: string;
      readonly bucket: string;
      /** Before every name: `farebox/exports/`. */
      readonly prefix: string;
      /** The bucket in the path and not in the host: what most other services want. */
      readonly pathStyle: boolean;
      /** Undefined: as the AWS SDK finds them (environment, role). */
      readonly credentials?:
        | {
            readonly accessKeyId: string;
            readonly secretAccessKey: string;
            readonly sessionToken?: string | undefined;
          }
        | undefined;
    };

/** The `exports` of a configuration. */
export interface ExportSettings {
  readonly kinds: readonly ExportKind[];
  readonly storage: ExportStorageTarget;
  /** Jobs that one instance works on at the same time; 0: it only serves. */
  readonly workers: number;
  /** Jobs of one account that are worked on at the same time, over all instances. */
  readonly workersPerAccount: number;
}
