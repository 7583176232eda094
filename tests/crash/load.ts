import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "./eventually.ts";
import type { Customer, FareboxInstance } from "./farebox-process.ts";
import { type CallOptions, type CallRecord, LoggingClient } from "./logging-client.ts";
import type { ScriptedUpstream, UpstreamCall } from "./scripted-upstream.ts";

/** A client that was refused or cut does not come back at once. */
const BACK_OFF_MS = 20;
/** The upstream takes up to so long. */
const WORK_MS = 200;
/** A client tries again under its Idempotency-Key until it is told of an end, at most so often. */
const RETRIES = 200;

export interface LoadOptions {
  /** Asked for each request: a test that starts an instance again changes the answer. */
  readonly instance: (client: number) => FareboxInstance;
  readonly customers: readonly Customer[];
  readonly upstream: ScriptedUpstream;
  readonly log: CallRecord[];
  readonly clients: number;
  /**
   * Whether streams break after their head. Their refund follows the break, so a kill of the instance in between leaves the
   * charge: tests that kill instances do without.
   */
  readonly streamsBreak: boolean;
}

/**
 * Clients that send one request after the other, spread over the customers: plain ones, streamed ones and ones with an
 * Idempotency-Key that are sent again until they have an answer. Of the upstream's answers some fail and some break.
 */
export class Load {
  inFlight = 0;
  readonly #options: LoadOptions;
  readonly #clients: Promise<void>[];
  readonly #name = randomUUID().slice(0, 8);
  #sent = 0;
  #isStopping = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    options.upstream.script = (call) => void answer(call, options.streamsBreak);
    this.#clients = Array.from({ length: options.clients }, (_, client) => this.#run(client));
  }

  get acknowledged(): number {
    return this.#options.log.filter(({ status, complete }) => status === 200 && complete).length;
  }

  /** Resolves when so many more successes were acknowledged, and at least so many requests are in flight. */
  async flows(more: number, inFlight: number): Promise<void> {
    const enough = this.acknowledged + more;
    await eventually(
      `${more} more acknowledged, ${inFlight} in flight`,
      () => (this.acknowledged >= enough && this.inFlight >= inFlight) || undefined,
    );
  }

  /** Sends nothing more; resolves when every request has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#clients);
  }

  async #run(client: number): Promise<void> {
    const { customers, log } = this.#options;
    const caller = new LoggingClient(log);
    while (!this.#isStopping) {
      const number = this.#sent++;
      const customer = customers[number % customers.length];
      if (customer === undefined) throw new Error("a load needs customers");
      const call = `${this.#name}-${number}`;
      const path = number % 4 === 1 ? "/stream" : "/work";
      if (number % 4 === 2) await this.#callUntilAnswered(caller, client, { ...customer, call, path });
      else await this.#call(caller, client, { ...customer, call, path });
    }
    caller.leave();
  }

  async #call(caller: LoggingClient, client: number, options: CallOptions): Promise<CallRecord> {
    this.inFlight += 1;
    const record = await caller.call(this.#options.instance(client).gatewayPort, options);
    this.inFlight -= 1;
    if (record.status !== 200) await pause(BACK_OFF_MS);
    return record;
  }

  async #callUntilAnswered(caller: LoggingClient, client: number, options: CallOptions): Promise<void> {
    for (let attempt = 0; attempt < RETRIES; attempt += 1) {
      const { status, complete } = await this.#call(caller, client, {
        ...options,
        idempotencyKey: options.call,
      });
      const isOver = complete && status !== undefined && status !== 409 && status < 500;
      if (isOver || this.#isStopping) return;
    }
  }
}

/**
 * By the number in the call's name. After some time, so that hundreds of requests are under way without using the machine up.
 * Answers arrive whole, as a stream, as a failure, or break on the way.
 */
async function answer(call: UpstreamCall, streamsBreak: boolean): Promise<void> {
  const number = Number(call.call.split("-").at(-1));
  await pause(number % WORK_MS);
  if (number % 23 === 3) call.fail();
  else if (number % 4 === 1) await stream(call, streamsBreak && number % 29 === 5);
  else if (number % 31 === 7) call.break();
  else call.succeed();
}

async function stream(call: UpstreamCall, breaks: boolean): Promise<void> {
  call.sendHead();
  // Whoever is told this is dead takes no more of it; what came of the call is in the books.
  await call.sendBody(`{"call":"${call.call}",`).catch(() => undefined);
  if (breaks) call.break();
  else call.end(`"rest":true}`);
}
