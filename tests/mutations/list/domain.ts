import type { Mutation } from "../mutation.ts";

export const DOMAIN: readonly Mutation[] = [
  {
    name: "clamp an impossible count to 0",
    why: "An upstream that counts -1 gives everything away, and nobody hears of it.",
    file: "src/domain/prices/compute-charge.ts",
    search: "  if (!Number.isInteger(units) || units < 0) {",
    replacement: `  if (units < 0) return { amount: 0n, units: 0, countProblem: undefined };
  if (!Number.isInteger(units)) {`,
    tests: [{ file: "src/domain/prices/compute-charge.test.ts", title: " results" }],
  },
  {
    name: "promise from a lease what others have reserved",
    why: "Two requests are admitted on one credit.",
    file: "src/domain/leases/lease-book.ts",
    search: "if (!lease.live || lease.granted - lease.reserved < amount) return false;",
    replacement: "if (!lease.live || lease.granted < amount) return false;",
    tests: [
      {
        file: "src/domain/leases/lease-book.test.ts",
        title: "promises nothing that the database did not grant",
      },
      {
        file: "src/domain/leases/lease-book.test.ts",
        title: "never reserves more than it was granted, and loses or invents nothing",
      },
    ],
  },
  {
    name: "use a lease past the moment at which something is due on its pool",
    why: "Credits that have expired are spent.",
    file: "src/domain/leases/lease-book.ts",
    search: "return now < lease.validUntil && now < this.#trustOf(lease.shard);",
    replacement: "return now < this.#trustOf(lease.shard);",
    tests: [
      {
        file: "src/domain/leases/lease-book.test.ts",
        title:
          "stops at the moment at which something is due on the pool, and then gives the free part back first",
      },
      {
        file: "src/meter/several-meters.test.ts",
        title: "does not admit from a lease past the moment at which something is due on the pool",
      },
    ],
  },
  {
    name: "trust leases in shards whose server did not hear the heartbeat",
    why: "There the instance may have been declared dead: their credits went back to the pool and are spent twice.",
    file: "src/domain/leases/lease-book.ts",
    search: "return this.#unheard.get(shard) ?? this.#trustedUntil;",
    replacement: "return this.#trustedUntil;",
    tests: [
      {
        file: "src/domain/leases/lease-book.test.ts",
        title:
          "goes on for shards that were heard; the others keep what they had, until they are heard again",
      },
    ],
  },
  {
    name: "use a lease of an instance that may be dead",
    why: "Its credits went back to the pool and are spent twice.",
    file: "src/domain/leases/lease-book.ts",
    search: "return now < lease.validUntil && now < this.#trustOf(lease.shard);",
    replacement: "return now < lease.validUntil;",
    tests: [
      {
        file: "src/domain/leases/lease-book.test.ts",
        title: "stops when the instance may have been declared dead",
      },
      {
        file: "src/meter/several-meters.test.ts",
        title: "stops admitting from memory when its heartbeat is half as old as what declares it dead",
      },
    ],
  },
  {
    name: "round amounts that have too many decimals",
    why: "An amount that nobody wrote is granted or charged.",
    file: "src/domain/credits.ts",
    search: "return Number(fixed) === value ? fixed : undefined;",
    replacement: "return fixed;",
    tests: [{ file: "src/domain/credits.test.ts", title: "refused" }],
  },
  {
    name: "match paths as they came",
    why: "An encoded letter makes a priced path an unpriced one.",
    file: "src/domain/routes/request-path.ts",
    search: `return typeof path === "string" ? { path, query } : path;`,
    replacement: `return typeof path === "string" ? { path: rawPath, query } : path;`,
    tests: [
      {
        file: "src/gateway/gateway-guard.test.ts",
        title: "normalised paths are matched and forwarded alike",
      },
    ],
  },
  {
    name: "let an encoded slash through",
    why: "The upstream serves another route than the one that was priced.",
    file: "src/domain/routes/request-path.ts",
    search: `  if (byte === 0x2f) return "slash";\n`,
    replacement: "",
    tests: [
      {
        file: "src/domain/routes/request-path.test.ts",
        title: "never lets a path through whose decoded form holds a slash",
      },
    ],
  },
];
