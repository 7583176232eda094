import type { Mutation } from "../mutation.ts";

export const METER: readonly Mutation[] = [
  {
    name: "charge a hold under whatever id the instance then has",
    why: "An instance that was declared dead and lives on charges a hold that another has settled in its place.",
    file: "src/meter/admission.ts",
    search: "onlyBy: this.onlyBy,",
    replacement: "onlyBy: undefined,",
    tests: [
      {
        file: "src/sidecar/settle-elsewhere.pg.test.ts",
        title:
          "while it lives they are settled there only; afterwards anywhere, once, however many try at once",
      },
    ],
  },
  {
    name: "ignore a key's cap in the cache",
    why: "A key with a cap draws on the pool's lease and spends what its owner forbade.",
    file: "src/meter/key-cache.ts",
    search: "    ...(capped.length === 0 ? {} : { capped: new Set(capped) }),\n",
    replacement: "",
    tests: [
      {
        file: "src/meter/capped-keys.pg.test.ts",
        title: "a cap that is set while the key is in use is known everywhere within 5 seconds",
      },
    ],
  },
  {
    name: "remember a key that changed while it was read",
    why: "A key that is revoked during its look-up goes on working.",
    file: "src/meter/key-cache.ts",
    search: "if (lookup.changed && reads < MAX_READS) {",
    replacement: "if (lookup.changed && reads < 0) {",
    tests: [{ file: "src/meter/key-cache.test.ts", title: "reads again what changed while it was read" }],
  },
  {
    name: "trust cached keys across a heartbeat that failed",
    why: "A revocation that the lost heartbeat told of is never heard.",
    file: "src/meter/key-cache.ts",
    search: "if (this.#doubted || sentAt >= this.#trustedUntil) this.#clear();",
    replacement: "if (sentAt >= this.#trustedUntil) this.#clear();",
    tests: [
      {
        file: "src/meter/key-cache.test.ts",
        title:
          "reads keys anew after a heartbeat that failed, because it may have been the one to tell of a change",
      },
    ],
  },
  {
    name: "store refusals under Idempotency-Key",
    why: "After a top-up the retry is told again that there are no credits.",
    file: "src/meter/admitter.ts",
    search: "ledger.abandonIdempotent(accountId, shard, key, owner)",
    replacement: `ledger.completeIdempotent(accountId, shard, key, owner, {
          status: 402,
          headers: [],
          body: new TextEncoder().encode("{}"),
        })`,
    tests: [
      {
        file: "src/meter/create-meter.test.ts",
        title: "frees the key when the request is refused or fails: a top-up and a retry work",
      },
      { file: "src/gateway/gateway.test.ts", title: "a refusal is not kept: a top-up and a retry work" },
    ],
  },
  {
    name: "keep a charge that commits after its request failed",
    why: "The customer pays for an answer that was 503 (invariant I7).",
    file: "src/meter/charge-under-way.ts",
    search: "if (!this.#mayAnswer()) return this.#reverseLate(result);",
    replacement: "if (!this.#mayAnswer()) return;",
    tests: [
      {
        file: "src/meter/create-meter.pg.test.ts",
        title: "a charge that commits after its request was answered as failed is refunded (I7)",
      },
      {
        file: "src/meter/storage-failure.test.ts",
        title: "keeps trying the refund while the database is down",
      },
    ],
  },
  {
    name: "charge a repeat within its window",
    why: "A value that was paid for is paid for again on an account without credits.",
    file: "src/meter/admission.ts",
    search: "const amount = this.#terms.repeat ? 0n : computed.amount;",
    replacement: "const { amount } = computed;",
    tests: [
      {
        file: "src/meter/create-meter.test.ts",
        title: "admits a repeat without credits, and never charges it even if the window ends meanwhile",
      },
    ],
  },
  {
    name: "sell to keys that cannot be confirmed",
    why: "While the database is silent a revoked key buys.",
    file: "src/meter/admitter.ts",
    search: "identity.unconfirmed || this.#parts.life.isAway",
    replacement: "this.#parts.life.isAway",
    tests: [
      {
        file: "src/meter/storage-failure.test.ts",
        title: "sells nothing for a key that cannot be confirmed, and lets it use what is free",
      },
    ],
  },
  {
    name: "serve whoever comes before those that wait",
    why: "Small requests starve a large one for ever.",
    file: "src/meter/lease-desk.ts",
    search: "if (lease === undefined || lease.waiting > 0) return undefined;",
    replacement: "if (lease === undefined) return undefined;",
    tests: [
      {
        file: "src/meter/several-meters.test.ts",
        title: "keeps its order: a small request does not take what a large one waits for",
      },
    ],
  },
  {
    name: "charge more on the answer than Credits-Max allows",
    why: "A caller who said what it would pay at most pays more.",
    file: "src/meter/admission.ts",
    search: "if (max === undefined || amount <= max) return amount;",
    replacement: "if (max !== null) return amount;",
    tests: [
      { file: "src/meter/answer-charge.test.ts", title: "compares Credits-Max with what the answer costs" },
    ],
  },
  {
    name: "keep the Idempotency-Key of an answer that was refused",
    why: "A top-up and a retry under the same key are answered with 409.",
    file: "src/meter/admission.ts",
    search: "    await this.#freeKey();\n    return refusal;\n",
    replacement: "    return refusal;\n",
    tests: [
      { file: "src/meter/answer-charge.test.ts", title: "frees the Idempotency-Key before it refuses" },
    ],
  },
  {
    name: "ask for no places that requests wait for",
    why: "Requests are refused though the limit has room: customers do not get what they were sold.",
    file: "src/meter/limits/share-window.ts",
    search: "isIdle ? 0 : this.#waiting + this.#chunk(instances)",
    replacement: "isIdle ? 0 : this.#chunk(instances)",
    tests: [
      {
        file: "src/meter/limits/limit-desk.test.ts",
        title: "is let through while there are some, however many come while a question is under way",
      },
    ],
  },
];
