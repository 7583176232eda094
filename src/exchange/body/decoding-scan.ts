import { createDecoder, type Decoder, MAX_DECODING_RATIO, RATIO_FREE_BYTES } from "./content-decoding.ts";
import type { BodyScan, ScannedBody } from "./json-splice.ts";
import { joinInTurns } from "./turns.ts";

/** What the scan of a coded body ends with. */
export type DecodedBody =
  /** `plain`: the whole body without its coding, where it was to be kept and fitted. */
  | ({ readonly kind: "complete"; readonly plain: Buffer | undefined } & ScannedBody)
  /** The data is broken, cut short, or goes on behind its end: no reader can know what it holds. */
  | { readonly kind: "broken" }
  /** It expands more than is followed; whoever decodes it sees more than was counted. */
  | { readonly kind: "over" };

/**
 * Reads a coded body while it passes by: a copy is decoded, on zlib's threads, and scanned piece by piece. Nothing of it is kept unless
 * it is asked for.
 */
export class DecodingScan {
  readonly #scan: BodyScan;
  readonly #keepBytes: number;
  readonly #coding: string;
  #decoder: Decoder | undefined;
  #state: "open" | "complete" | "broken" | "over" = "open";
  #coded = 0;
  #decoded = 0;
  #kept: Buffer[] | undefined;
  #ended: (() => void) | undefined;
  #caughtUp: (() => void) | undefined;

  /** `coding` is one of {@link isDecodable}; up to `keepBytes` of the decoded body are kept, none with 0. */
  constructor(coding: string, scan: BodyScan, keepBytes: number) {
    this.#coding = coding;
    this.#scan = scan;
    this.#keepBytes = keepBytes;
    this.#kept = keepBytes > 0 ? [] : undefined;
  }

  /** What was decoded so far is not the beginning of a JSON text. */
  get failed(): boolean {
    return this.#state === "open" && this.#scan.failed;
  }

  /** The number of results seen so far. */
  get countSoFar(): number | undefined {
    return this.#scan.countSoFar;
  }

  /** How much of the body without its coding has been read. */
  get bytesSoFar(): number {
    return this.#scan.bytesSoFar;
  }

  /** Takes the next bytes as they came. A promise when it is behind: resolved when more may come. */
  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#state !== "open" || chunk.length === 0) return undefined;
    this.#coded += chunk.length;
    this.#decoder ??= this.#open(chunk);
    if (this.#decoder.write(chunk)) return undefined;
    return new Promise((resolve) => {
      this.#caughtUp = resolve;
    });
  }

  /** The body is complete as far as its framing tells. Resolves when all of it was decoded. */
  async end(): Promise<DecodedBody> {
    // A body without a byte has no coding that could be broken.
    if (this.#decoder === undefined) return { kind: "complete", plain: Buffer.alloc(0), ...this.#scan.end() };
    if (this.#state === "open") {
      await new Promise<void>((resolve) => {
        this.#ended = resolve;
        this.#decoder?.end();
      });
    }
    if (this.#state !== "complete") return { kind: this.#state === "over" ? "over" : "broken" };
    const plain = this.#kept && (await joinInTurns(this.#kept));
    return { kind: "complete", plain, ...this.#scan.end() };
  }

  /** The body will not be read to its end. */
  stop(): void {
    this.#finish("broken");
  }

  #open(first: Buffer): Decoder {
    const decoder = createDecoder(this.#coding, first);
    decoder.on("data", (plain: Buffer) => this.#take(plain));
    decoder.on("drain", () => this.#resume());
    decoder.on("error", () => this.#finish("broken"));
    // What lies behind the end of the coding is decoded by nobody, or by some.
    decoder.on("end", () => this.#finish(decoder.bytesWritten === this.#coded ? "complete" : "broken"));
    return decoder;
  }

  #take(plain: Buffer): void {
    if (this.#state !== "open") return;
    this.#decoded += plain.length;
    if (this.#decoded > Math.max(RATIO_FREE_BYTES, this.#coded * MAX_DECODING_RATIO)) {
      this.#finish("over");
      return;
    }
    this.#scan.write(plain);
    if (this.#decoded > this.#keepBytes) this.#kept = undefined;
    else this.#kept?.push(plain);
  }

  #finish(state: "complete" | "broken" | "over"): void {
    if (this.#state !== "open") return;
    this.#state = state;
    if (state !== "complete") this.#decoder?.destroy();
    this.#resume();
    this.#ended?.();
  }

  #resume(): void {
    const resume = this.#caughtUp;
    this.#caughtUp = undefined;
    resume?.();
  }
}
