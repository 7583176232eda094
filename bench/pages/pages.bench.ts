import { auditLedger } from "../../src/ledger/audit/audit.ts";
import type { Database } from "../../src/ledger/database/database.ts";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { percentile } from "../measure.ts";
import { type FareboxProcess, startFareboxProcess } from "../processes/farebox.ts";
import { startChild } from "../processes/spawn.ts";
import { withTarget } from "../with-database.ts";
import {
  addManyAccounts,
  type BusyAccount,
  openBusyAccount,
  rollUpAll,
  withoutRollUps,
} from "./busy-account.ts";

const CHARGES = 1_000_000;
const CALLS = 41;
const ACCOUNTS = 100_000;
/** Charges that are not rolled up: as a running sweep leaves them, and after it stood still. */
const TAILS = [0, 500, 20_000];

/** What each call of the customer's overview and of the operator's account page takes, by HTTP, of an account with 10^6 charges. */
export async function benchPages(print: (line: string) => void): Promise<void> {
  await withTarget("postgres", async (target) => {
    const upstream = await startChild("upstream");
    const farebox = await startFareboxProcess(upstream.url, target, configFor(upstream.url));
    const database = await openDatabase(target, { maxConnections: 4 });
    const auditor = await openDatabase(target, { maxConnections: 1 });
    try {
      const account = await openBusyAccount(farebox, database, CHARGES);
      print(`\nPages of an account with 10^6 charges, ${CALLS} calls each`);
      await measureSearches(farebox, database, print);
      let behind = 0;
      for (const tail of TAILS) {
        await withoutRollUps(database, account.pool, async () => {
          await account.charge(tail - behind);
          behind = tail;
          print(`  ${tail.toLocaleString("en")} charges not rolled up:`);
          await measureCalls(farebox, account, print);
        });
      }
      await rollUpAll(database, account.pool);
      // Longer than a statement may take.
      await auditor.exec("SET statement_timeout TO 0");
      const { findings } = await auditLedger(auditor);
      if (findings.length > 0) throw new Error("the books of the bench are broken");
    } finally {
      await auditor.close();
      await database.close();
      await farebox.stop();
      await upstream.stop();
    }
  });
}

async function measureCalls(
  farebox: FareboxProcess,
  account: BusyAccount,
  print: (line: string) => void,
): Promise<void> {
  const zone = "timeZone=America/New_York";
  const own = (path: string) => async (): Promise<void> => {
    const answer = await fetch(`${farebox.gateway}/v1/credits/${path}`, {
      headers: { authorization: `Bearer ${account.key}` },
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
  };
  const operated = (path: string) => (): Promise<void> => farebox.operate("GET", path);
  const one = `/v1/accounts/${account.id}`;
  const calls: Readonly<Record<string, () => Promise<void>>> = {
    "portal: overview": own(`overview?${zone}`),
    "portal: used, by the hour": own(`usage?${zone}&resolution=hour&groupBy=`),
    "portal: used, by the month": own(`usage?${zone}&resolution=month&groupBy=`),
    "portal: a year by endpoint": own(`usage?${zone}&from=${yearAgo()}&groupBy=endpoint`),
    "portal: a year by key": own(`usage?${zone}&from=${yearAgo()}&groupBy=key`),
    "portal: statement": own("entries?limit=50"),
    "portal: statement of a key without calls": own(`entries?limit=50&key=${account.unusedKeyId}`),
    "portal: keys": own("keys"),
    "console: account": operated(one),
    "console: pools": operated(`${one}/balances`),
    "console: entries": operated(`${one}/entries?limit=25&creditType=credits`),
    "console: keys": operated(`${one}/keys?limit=25`),
    "console: sessions": operated(`/v1/sessions?account=${account.id}&limit=25`),
  };
  await measureEach(calls, print);
}

/** What finds nothing has to be sure of it. */
async function measureSearches(
  farebox: FareboxProcess,
  database: Database,
  print: (line: string) => void,
): Promise<void> {
  await addManyAccounts(database, ACCOUNTS);
  print(`  a search of ${ACCOUNTS.toLocaleString("en")} accounts:`);
  const searches: Readonly<Record<string, string>> = {
    "that all have": "q=acc_",
    "a tenth has": "q=data%201",
    "of one": "q=labs%2099998",
    "nobody has": "q=nobody",
    "nobody has, of two characters": "q=zz",
    "nobody has, by name": "q=nobody&sort=name",
    "nobody has in the metadata": "metadata=crm%3Anone",
  };
  const calls = Object.entries(searches).map(
    ([name, query]) => [name, () => farebox.operate<void>("GET", `/v1/accounts?limit=50&${query}`)] as const,
  );
  await measureEach(Object.fromEntries(calls), print);
}

async function measureEach(
  calls: Readonly<Record<string, () => Promise<void>>>,
  print: (line: string) => void,
): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    await call();
    const times: number[] = [];
    for (let n = 0; n < CALLS; n += 1) {
      const start = performance.now();
      await call();
      times.push(performance.now() - start);
    }
    const sorted = times.toSorted((a, b) => a - b);
    print(
      `    ${name}: ${percentile(sorted, 0.5).toFixed(1)} ms, p95 ${percentile(sorted, 0.95).toFixed(1)} ms`,
    );
  }
}

const yearAgo = (): string => new Date(Date.now() - 365 * 86_400_000).toISOString();

const configFor = (upstream: string): string =>
  `upstream: ${upstream}\nunpriced: free\ncustomerApi: { requests: 1000000, selfService: { keys: true } }\n`;
