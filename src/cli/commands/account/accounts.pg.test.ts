import assert from "node:assert/strict";
import { before, test } from "node:test";
import { readAccount } from "../../../ledger/accounts/accounts.ts";
import type { Database } from "../../../ledger/database/database.ts";
import { type LedgerHandle, openLedger } from "../../../ledger/open-ledger.ts";
import { holdOf, LEDGER, releaseOf } from "../../../ledger/testing/books.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { CliUnderTest } from "../../testing/cli-under-test.ts";

eachDatabase("commands of accounts and the audit trail", (openFresh) => {
  let database: Database;
  let cli: CliUnderTest;
  let ledger: LedgerHandle;
  before(async () => {
    database = await openFresh();
    cli = new CliUnderTest(database);
    ledger = await openLedger(database, LEDGER);
  });

  test("update, show and list an account, as a table and as JSON", async () => {
    const { id } = await cli.json("account", "create", "Acme");
    const metadata = ["--set", "crm=42", "--set", "note=a=b", "--unset", "gone"];
    const updated = await cli.run("account", "update", id, "--name", "Acme Ltd", ...metadata);
    assert.deepEqual([updated.code, updated.err], [0, ""]);
    const account = await cli.json("account", "show", id);
    assert.deepEqual([account.name, account.metadata], ["Acme Ltd", { crm: "42", note: "a=b" }]);
    assert.equal(
      (await cli.run("account", "show", id)).out,
      `account   ${id}\nname      Acme Ltd\nstate     active\nplan      none\ncreated   ${account.createdAt}\n` +
        "metadata  crm: 42\n          note: a=b\n",
    );
    const { accounts } = await cli.json("account", "list", "--search", "acme", "--metadata", "crm:42");
    assert.deepEqual(accounts, [account]);
    assert.deepEqual((await cli.json("account", "list", "--ids", `${id},acc_none`)).accounts, [account]);
    const table = await cli.run("account", "list", "--search", "acme");
    assert.match(table.out, new RegExp(`^ACCOUNT +NAME +STATE +PLAN +CREATED\\n${id} +Acme Ltd +active`));
    assert.equal((await cli.run("account", "list", "--search", "nobody")).out, "No accounts.\n");
  });

  test("suspend, resume and close say what was done; what is refused is exit code 1 with the reason", async () => {
    const { id } = await cli.json("account", "create", "Stateful");
    const suspended = await cli.run("account", "suspend", id, "--reason", "unpaid");
    assert.deepEqual([suspended.code, suspended.out], [0, `Suspended account ${id} (Stateful).\n`]);
    assert.equal((await cli.json("account", "resume", id)).state, "active");
    await cli.json("grant", id, "100");
    const { shard } = await readAccount(database, id);
    const pool = { accountId: id, creditType: "credits", shard };
    await ledger.hold(holdOf(pool, "h1", 30_000_000n));
    const refused = await cli.run("account", "close", id);
    assert.deepEqual([refused.code, refused.out], [1, ""]);
    assert.match(refused.err, /^farebox: Clients have credits .*30 credits in 1 hold/);
    const held = await cli.run("account", "show", id, "--holds");
    assert.match(held.out, /KIND +CREDIT TYPE +AMOUNT +WHOSE +ENDS\nhold +credits +30 +h1 +20/);
    assert.equal((await cli.json("account", "show", id, "--holds")).holds[0].id, "h1");
    await ledger.release(releaseOf(pool, "h1"));
    assert.equal((await cli.json("account", "close", id, "--reason", "left")).state, "closed");
    const again = await cli.run("account", "suspend", id, "--json");
    assert.deepEqual([again.code, JSON.parse(again.err).error.code], [1, "account_closed"]);
  });

  test("lists go on with --cursor, and to their end with --all", async () => {
    for (const name of ["Paged one", "Paged two", "Paged three"]) await cli.json("account", "create", name);
    const names = ({ accounts }: { accounts: { name: string }[] }) => accounts.map(({ name }) => name);
    const first = await cli.json("account", "list", "--search", "paged", "--limit", "2", "--oldest");
    assert.deepEqual(names(first), ["Paged one", "Paged two"]);
    const rest = await cli.json("account", "list", "--search", "paged", "--oldest", "--cursor", first.next);
    assert.deepEqual([names(rest), rest.next], [["Paged three"], null]);
    const page = await cli.run("account", "list", "--search", "paged", "--limit", "2", "--oldest");
    assert.match(page.out, new RegExp(`\\nMore: --cursor ${first.next}, or --all\\n$`));
    await database.exec(`INSERT INTO accounts (account_id, name, shard)
      SELECT 'acc_crowd' || n, 'Crowd', 0 FROM generate_series(1, 1001) n`);
    const all = await cli.json("account", "list", "--search", "crowd", "--all");
    assert.deepEqual(
      [new Set(all.accounts.map(({ id }: { id: string }) => id)).size, all.next],
      [1001, null],
    );
    const both = await cli.run("account", "list", "--all", "--limit", "2");
    assert.equal(both.code, 1);
    assert.match(both.err, /--all.*cannot be used with.*--limit/);
  });

  test("tables go to spreadsheets with --csv", async () => {
    const { id } = await cli.json("account", "create", "Tabled");
    const { out, code } = await cli.run("account", "list", "--search", "tabled", "--csv");
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^id,name,[^\\n]*balance\\.credits[^\\n]*\\r\\n${id},Tabled,active,`));
    const trail = await cli.run("audit-trail", "--account", id, "--csv");
    assert.match(trail.out, new RegExp(`\\r\\n[^,]+,operator,account\\.create,${id},`));
  });

  test("the audit trail says who did what, filtered", async () => {
    const { id } = await cli.json("account", "create", "Audited");
    await cli.json("account", "suspend", id, "--reason", "unpaid");
    const { lines } = await cli.json("audit-trail", "--account", id, "--action", "account.suspend");
    assert.deepEqual(
      lines.map(({ actor, detail }: { actor: string; detail: object }) => [actor, detail]),
      [["operator", { reason: "unpaid" }]],
    );
    const table = await cli.run("audit-trail", "--account", id);
    assert.match(table.out, /^AT +ACTOR +ACTION +ACCOUNT +TARGET +DETAIL\n/);
    assert.match(table.out, /account\.suspend +acc_\w+ +\{"reason":"unpaid"\}/);
    assert.equal((await cli.run("audit-trail", "--actor", "nobody")).out, "No lines.\n");
  });

  test("wrong usage says what is right", async () => {
    const member = await cli.run("account", "update", "acc_1", "--set", "crm");
    assert.equal(member.code, 1);
    assert.match(member.err, /Write name=value, like crm=42\./);
    const nothing = await cli.run("account", "update", (await cli.json("account", "create", "Same")).id);
    assert.deepEqual([nothing.code, nothing.out], [1, ""]);
    assert.match(nothing.err, /name: must change the name or the metadata/);
    const unknown = await cli.run("account", "show", "acc_none", "--json");
    assert.equal(JSON.parse(unknown.err).error.code, "account_unknown");
    const { id } = await cli.json("account", "create", "Unused");
    assert.equal((await cli.run("entries", id, "--kind", "expiry")).out, "No entries.\n");
    const state = await cli.run("account", "list", "--state", "gone");
    assert.match(state.err, /\n {2}state: must be one of active, suspended, closed\n$/);
    const limited = await cli.run("account", "list", "--csv", "--limit", "5");
    assert.deepEqual([limited.code, limited.out], [1, ""]);
    assert.match(limited.err, /'--csv' cannot be used with option '--limit <n>'/);
    const credit = await cli.run(
      "grant",
      (await cli.json("account", "create", "Pays")).id,
      "5",
      "--credit",
      "x",
    );
    assert.match(credit.err, /^farebox: There is no credit type x; the configuration has [^\n]+\n$/);
  });
});
