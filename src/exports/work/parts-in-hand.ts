import type { ExportKind } from "../../domain/export-kind.ts";
import type { Database } from "../../ledger/database/database.ts";
import type { ExportJob } from "../../ledger/exports/export-job.ts";
import { type ClaimedExport, readExportIds, recordExportPart } from "../../ledger/exports/work-on-export.ts";
import type { ExportEvents } from "../export-events.ts";
import { ID_BYTES, IdSet } from "../parts/id-set.ts";
import { PartWriter } from "../parts/part-writer.ts";
import { type RecordFormat, recordFormat } from "../parts/record-format.ts";
import { type SourceBatch, SourceError, type SourceRecord } from "../source-record.ts";
import type { ExportStorage } from "../storage/storage.ts";
import { partObject } from "./part-objects.ts";
import { untilAnswered } from "./until-answered.ts";

/** Records that were there already, one after the other: a source that has an end gives something new sooner. */
const MAX_REPEATS = 100_000;

/** Another worker has the job, or it was cancelled. */
export class ClaimLost extends Error {
  override readonly name = "ClaimLost";
}

export interface PartTools {
  readonly database: Database;
  readonly storage: ExportStorage;
  readonly events: ExportEvents;
  readonly kind: ExportKind;
  readonly claimSeconds: number;
}

interface OpenPart {
  readonly object: string;
  readonly writer: PartWriter;
  records: number;
}

/** The parts of one claimed job: takes batches, writes files, and records each file with the place behind it. */
export class PartsInHand {
  readonly #tools: PartTools;
  readonly #claimed: ClaimedExport;
  readonly #job: ExportJob;
  readonly #format: RecordFormat;
  readonly #ids: IdSet | undefined;
  /** Of the ids of the part in hand. */
  readonly #hashes: DataView;
  #open: OpenPart | undefined;
  #parts: number;
  #records: number;
  #sourceBytes: number;
  #repeats = 0;
  #leftOut: number;
  #expected: number | undefined;

  constructor(claimed: ClaimedExport, hasIds: boolean, tools: PartTools) {
    this.#tools = tools;
    this.#claimed = claimed;
    this.#job = claimed.job;
    this.#format = recordFormat(claimed.job.format, tools.kind);
    this.#ids = hasIds ? new IdSet() : undefined;
    this.#hashes = new DataView(new ArrayBuffer(hasIds ? claimed.job.partRecords * ID_BYTES : 0));
    this.#parts = claimed.job.parts;
    this.#records = claimed.job.records;
    this.#leftOut = claimed.job.leftOut;
    this.#sourceBytes = claimed.sourceBytes;
  }

  get leftOut(): number {
    return this.#leftOut;
  }

  /** It has what it may have, and need not know whether there is more. */
  get isFull(): boolean {
    return this.#job.whenMore === "stop" && this.#records >= this.#job.maxRecords;
  }

  has(id: string): boolean {
    return this.#ids?.has(id) === true;
  }

  /** Before the first batch: the ids of the parts that are there. */
  async readIds(): Promise<void> {
    if (this.#ids === undefined) return;
    for await (const hashes of readExportIds(this.#tools.database, this.#claimed.claim))
      this.#ids.addAll(hashes);
  }

  /** Fails with ClaimLost, a SourceError, or as the storage and the database do. */
  async take(batch: SourceBatch): Promise<void> {
    this.#leftOut += batch.missing;
    this.#expect(batch.expected);
    let count = 0;
    for (const record of batch.records) {
      if (this.isFull) return;
      count += 1;
      if (!this.#isNew(record)) {
        this.#passOver(batch);
        continue;
      }
      this.#repeats = 0;
      this.#count(record);
      this.#open ??= await this.#begin();
      this.#open.records += 1;
      const full = this.#open.writer.add(this.#format.line(record.text));
      if (full !== undefined) await full;
      if (this.#open.records === this.#job.partRecords || this.isFull) {
        await this.closePart(batch.place(count));
      }
    }
  }

  /** Ends the part in hand, if there is one. `place`: behind the last record that was taken. */
  async closePart(place: string): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    const { database, claimSeconds, storage, events } = this.#tools;
    const closed = await open.writer.close();
    this.#open = undefined;
    const part = {
      part: this.#parts + 1,
      object: open.object,
      records: open.records,
      ...closed,
      place,
      expected: this.#expected,
      leftOut: this.#leftOut,
      sourceBytes: this.#sourceBytes,
      ids: this.#ids && new Uint8Array(this.#hashes.buffer, 0, open.records * ID_BYTES),
    };
    const { claim } = this.#claimed;
    if (!(await untilAnswered(() => recordExportPart(database, claim, claimSeconds, part)))) {
      await storage.remove(open.object);
      throw new ClaimLost();
    }
    this.#parts += 1;
    events.partRecorded(this.#job, part.records, part.bytes);
  }

  /** Leaves the part in hand: nothing of it stays. Never rejects. */
  async abandon(): Promise<void> {
    await this.#open?.writer.abandon();
    this.#open = undefined;
  }

  #expect(expected: number | undefined): void {
    if (expected === undefined) return;
    this.#expected = expected;
    // What is known to be too much need not be fetched.
    if (this.#job.whenMore === "fail" && expected > this.#job.maxRecords)
      throw tooLarge(this.#job.maxRecords);
  }

  #passOver({ isAgain }: SourceBatch): void {
    this.#repeats += 1;
    if (!isAgain) this.#leftOut += 1;
    if (!isAgain && this.#repeats > MAX_REPEATS) {
      throw new SourceError("export_source_loops", "The source repeats itself without anything new.", {
        isFinal: true,
      });
    }
  }

  #count({ text }: SourceRecord): void {
    if (this.#records >= this.#job.maxRecords) throw tooLarge(this.#job.maxRecords);
    const { totalBytes } = this.#tools.kind.limits;
    this.#records += 1;
    this.#sourceBytes += Buffer.byteLength(text);
    if (this.#sourceBytes > totalBytes) {
      throw new SourceError("export_too_large", `The records are more than ${totalBytes} bytes.`, {
        isFinal: true,
      });
    }
  }

  async #begin(): Promise<OpenPart> {
    const object = partObject(this.#job, this.#parts + 1, this.#claimed.claim.claim);
    const { gzip } = this.#job;
    const writer = await PartWriter.begin(this.#tools.storage, object, { gzip, header: this.#format.header });
    return { object, writer, records: 0 };
  }

  #isNew({ id }: SourceRecord): boolean {
    if (this.#ids === undefined || id === undefined) return true;
    return this.#ids.add(id, this.#hashes, (this.#open?.records ?? 0) * ID_BYTES);
  }
}

function tooLarge(most: number): SourceError {
  return new SourceError("export_too_large", `The source has more than ${most} records.`, { isFinal: true });
}
