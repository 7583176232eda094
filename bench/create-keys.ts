import type { FareboxProcess } from "./processes/farebox.ts";

/** A key for each of so many new accounts, which can pay for every request of a bench. */
export async function createKeys(farebox: FareboxProcess, accounts: number): Promise<string[]> {
  const keys: string[] = [];
  for (let n = 0; n < accounts; n++) {
    const account = await farebox.operate<{ id: string }>("POST", "/v1/accounts", { name: `Bench ${n}` });
    await farebox.operate("POST", `/v1/accounts/${account.id}/grants`, { amount: 100_000_000 });
    const created = await farebox.operate<{ key: string }>("POST", `/v1/accounts/${account.id}/keys`, {
      name: "bench",
    });
    keys.push(created.key);
  }
  return keys;
}
