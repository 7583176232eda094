import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { formatId, ID_RANDOM_BYTES } from "../../domain/ids.ts";
import type { PriceList } from "../../domain/prices/price.ts";
import { parsePriceList, priceListText } from "../../domain/prices/price-list-json.ts";
import { createAccount } from "../../ledger/accounts/accounts.ts";
import type { Database } from "../../ledger/database/database.ts";
import { type LedgerHandle, openLedger } from "../../ledger/open-ledger.ts";
import { grantCredits } from "../../ledger/pools/grant.ts";
import { type Publication, publishPriceList, readPriceList } from "../../ledger/price-lists/price-lists.ts";
import { nameKeys, PATIENT } from "../../ledger/testing/books.ts";
import { createMeter, type MeterOptions, type StartableMeter } from "../create-meter.ts";
import type { Identity } from "../meter.ts";
import { silentEvents } from "../meter-events.ts";
import { askMeter, credits } from "./open-fake-meter.ts";

export const SHARDS = 4;

/** A meter on the real ledger. */
export interface RealMeter extends ReturnType<typeof askMeter> {
  readonly meter: StartableMeter;
  readonly ledger: LedgerHandle;
}

/** `identity` is who asks by default. */
export async function openRealMeter(
  database: Database,
  identity: Identity,
  options: Partial<MeterOptions> = {},
): Promise<RealMeter> {
  const ledger = await openLedger(database, {
    shards: SHARDS,
    idempotencyKeepSeconds: 3_600,
    limits: PATIENT,
  });
  const meter = createMeter({
    ledger,
    priceLists: {
      async readPriceList(version) {
        const parsed = parsePriceList((await readPriceList(database, version)).body, version);
        return parsed.ok ? parsed.value : assert.fail(JSON.stringify(parsed.problems));
      },
    },
    limits: [],
    leases: { idleMs: 1_000, deadAfterMs: 10_000 },
    events: silentEvents,
    silenceMs: 60_000,
    ...options,
  });
  await meter.start();
  return { meter, ledger, ...askMeter(meter, identity) };
}

export async function closeRealMeter({ meter, ledger }: RealMeter): Promise<void> {
  await meter.close();
  await ledger.close();
}

/** `effectiveAt` null: now. */
export function publish(
  database: Database,
  list: Pick<PriceList, "prices" | "unpriced">,
  effectiveAt: Date | null = null,
): Promise<Publication> {
  const body = priceListText(list);
  return database.transaction((tx) =>
    publishPriceList(tx, { body, hash: hash("sha256", body), effectiveAt }),
  );
}

export async function newAccount(database: Database, balance = 0, expiresAt?: Date): Promise<Identity> {
  const accountId = formatId("account", randomBytes(ID_RANDOM_BYTES));
  const { shard } = await createAccount(database, { accountId, name: "Alice", shards: SHARDS });
  const identity = { accountId, shard, keyId: newKeyId() };
  await nameKeys(database, identity, [identity.keyId]);
  if (balance > 0) await topUp(database, identity, balance, expiresAt);
  return identity;
}

export function newKeyId(): string {
  return formatId("key", randomBytes(ID_RANDOM_BYTES));
}

export async function topUp(
  database: Database,
  { accountId, shard }: Identity,
  amount: number,
  expiresAt?: Date,
): Promise<void> {
  const pool = { accountId, creditType: "credits", shard };
  await grantCredits(database, { pool, amount: credits(amount), source: "topup", expiresAt });
}
