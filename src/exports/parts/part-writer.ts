import { createHash } from "node:crypto";
import { PassThrough, type Transform } from "node:stream";
import { createGzip } from "node:zlib";
import type { ExportStorage, ObjectWriter } from "../storage/storage.ts";

/** Lines are handed on in pieces of about so many characters: one call a record would cost more than the record. */
const PIECE_CHARS = 64 * 1024;

/** What a compressed piece is written in at most: zlib's own 16 KiB are four writes where one does. */
const COMPRESSED_BYTES = 64 * 1024;

/** Pieces that may wait for the compressing thread, so that it and the one that reads the source work at the same time. */
const PIECES_WAITING = 4;

/** A file that is in the storage. */
export interface ClosedPart {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** Writes one part: lines in, compressed bytes out, counted and hashed on their way. Holds some hundred KiB, whatever it writes. */
export class PartWriter {
  readonly #object: ObjectWriter;
  readonly #stream: Transform;
  readonly #hash = createHash("sha256");
  readonly #written: Promise<void>;
  #lines: string[] = [];
  #chars = 0;
  #waiting = 0;
  #hasRoom: () => void = () => undefined;
  #bytes = 0;
  readonly #failures: unknown[] = [];

  static async begin(
    storage: ExportStorage,
    object: string,
    options: { readonly gzip: boolean; readonly header: string },
  ): Promise<PartWriter> {
    return new PartWriter(await storage.create(object), options);
  }

  private constructor(
    object: ObjectWriter,
    { gzip, header }: { readonly gzip: boolean; readonly header: string },
  ) {
    this.#object = object;
    this.#stream = gzip ? createGzip({ chunkSize: COMPRESSED_BYTES }) : new PassThrough();
    if (header !== "") this.#lines.push(header);
    this.#written = this.#handOn();
    // It is looked at when the next piece is written, and at the end.
    this.#written.catch((error: unknown) => {
      this.#failures.push(error);
      this.#stream.destroy();
    });
  }

  /** Resolves when the writer takes the next one. */
  add(line: string): Promise<void> | undefined {
    this.#lines.push(line);
    this.#chars += line.length;
    return this.#chars < PIECE_CHARS ? undefined : this.#flush();
  }

  /** The part is in the storage when this resolves. */
  async close(): Promise<ClosedPart> {
    await this.#flush();
    this.#stream.end();
    await this.#written;
    await this.#object.close();
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  /** Nothing of it stays. Never rejects. */
  async abandon(): Promise<void> {
    this.#stream.destroy();
    await this.#written.catch(() => undefined);
    await this.#object.abandon();
  }

  async #flush(): Promise<void> {
    const piece = this.#lines.join("");
    this.#lines = [];
    this.#chars = 0;
    this.#throwFailure();
    this.#waiting += 1;
    // Called, too, for what a stream that breaks never takes.
    this.#stream.write(piece, () => {
      this.#waiting -= 1;
      this.#hasRoom();
    });
    if (this.#waiting < PIECES_WAITING) return;
    await new Promise<void>((resolve) => {
      this.#hasRoom = resolve;
    });
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #handOn(): Promise<void> {
    for await (const chunk of this.#stream as AsyncIterable<Buffer>) {
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
      await this.#object.write(chunk);
    }
  }
}
