import { joinChunks, sizeOf } from "./chunks.ts";

/** Work on bodies goes on for so long before everything else of the process has its turn. */
const SLICE_MS = 4;
/** The clock is looked at after so many bytes: the slowest scan takes half a millisecond for them. */
const STEP_BYTES = 4_096;
/** Bodies up to this are worked on at once: it takes as long as the rest of a request. */
const SMALL_BYTES = 16_384;

/** Lets a number of waiters go on in each turn of the event loop, in order. */
class Turns {
  readonly #atOnce: number;
  #waiting: (() => void)[] = [];
  #isScheduled = false;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  wait(goOn: () => void): void {
    this.#waiting.push(goOn);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const next = this.#waiting.slice(0, this.#atOnce);
      this.#waiting = this.#waiting.slice(this.#atOnce);
      if (this.#waiting.length > 0) this.#schedule();
      for (const goOn of next) goOn();
    });
  }
}

const work = new Turns(1);
/** A socket gives up to 64 KiB in one piece. */
const reads = new Turns(4);

/**
 * Resolves in a later turn of the event loop, in which no other body is worked on: however many large bodies there are, requests
 * that need none of this wait for one slice at most. Bodies take their turns in order.
 */
export function takeTurn(): Promise<void> {
  return new Promise((resolve) => work.wait(resolve));
}

/** So much is copied, or handed to the system, before everything else has its turn: it takes a millisecond or two. */
const PIECE_BYTES = 262_144;
/** Up to this no turns are taken. */
const AT_ONCE_BYTES = 1_048_576;

/** Resolves in a later turn, in which few other bodies are worked on. */
function takeShortTurn(): Promise<void> {
  return new Promise((resolve) => reads.wait(resolve));
}

/** The bytes in pieces, of which not many come in one turn: to write 10 MB takes a system 40 ms. */
export async function* inPieces(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  let given = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES);
      if (given + piece.length > PIECE_BYTES) {
        await takeShortTurn();
        given = 0;
      }
      given += piece.length;
      yield piece;
    }
  }
}

/** The chunks as one buffer; a promise where to copy them takes turns. */
export function joinInTurns(chunks: readonly Buffer[]): Buffer | Promise<Buffer> {
  return chunks.length === 1 || isSentAtOnce(chunks) ? joinChunks(chunks) : copyInTurns(chunks);
}

async function copyInTurns(chunks: readonly Buffer[]): Promise<Buffer> {
  const joined = Buffer.allocUnsafe(sizeOf(chunks));
  let at = 0;
  for await (const piece of inPieces(chunks)) at += piece.copy(joined, at);
  return joined;
}

/** Whether a body is sent, and copied, in one turn. */
export function isSentAtOnce(chunks: readonly Uint8Array[]): boolean {
  return sizeOf(chunks) <= AT_ONCE_BYTES;
}

/** Calls back in a later turn, in which few other bodies are read on: a burst of uploads is taken in by and by. */
export function takeReadingTurn(goOn: () => void): void {
  reads.wait(goOn);
}

/** To know when a turn ends costs the loop another one: so much may pass by before a turn is measured. It is read in a millisecond or two. */
const UNMEASURED_BYTES = 65_536;

/** What has passed by since the last turn that was measured. */
let unmeasured = 0;

/** What reading bodies that pass by has taken of this turn of the event loop. Above 0: it is measured. */
let spentMs = 0;

/**
 * Does a step of reading so many bytes of a body that passes by. False: this turn has had its share, over all such bodies, and the rest waits for
 * {@link takeReadingTurn}: a fast sender's socket gives up to 2 MiB in one turn.
 */
export function readInTurn(bytes: number, step: () => void): boolean {
  unmeasured += bytes;
  if (spentMs === 0 && unmeasured < UNMEASURED_BYTES) {
    step();
    return true;
  }
  const since = performance.now();
  step();
  if (spentMs === 0) setImmediate(endTurn);
  spentMs += performance.now() - since;
  return spentMs < SLICE_MS;
}

function endTurn(): void {
  spentMs = 0;
  unmeasured = 0;
}

/** Runs over a body's chunks in small steps, and takes turns. `step` says whether to go on. */
export async function inTurns(
  chunks: readonly Uint8Array[],
  step: (bytes: Uint8Array) => boolean,
): Promise<void> {
  await takeTurn();
  let until = performance.now() + SLICE_MS;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += STEP_BYTES) {
      if (!step(chunk.subarray(at, at + STEP_BYTES))) return;
      if (performance.now() < until) continue;
      await takeTurn();
      until = performance.now() + SLICE_MS;
    }
  }
}

/** Whether a body is worked on at once. */
export function isSmall(chunks: readonly Uint8Array[]): boolean {
  return sizeOf(chunks) <= SMALL_BYTES;
}
