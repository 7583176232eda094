import type { Mutation } from "../mutation.ts";

export const CONTRACTS: readonly Mutation[] = [
  {
    name: "forward the query with its key",
    why: "Customers' keys are in the upstream's logs, and in what requests are compared by.",
    file: "src/exchange/request/inspect-request.ts",
    search: "  exchange.target = { path: target.path, query };\n",
    replacement: "  exchange.target = target;\n",
    tests: [
      { file: "src/gateway/gateway-query-key.test.ts", title: "pays, and is not in what is forwarded" },
      {
        file: "src/gateway/gateway-query-key.test.ts",
        title: "is no part of what an Idempotency-Key compares",
      },
    ],
  },
  {
    name: "take the first of two keys in a query",
    why: "A request is paid by one account, and run by the upstream for another.",
    file: "src/contract/key/query-keys.ts",
    search: "  if (more.length > 0) return AMBIGUOUS;\n",
    replacement: "  void more;\n",
    tests: [
      { file: "src/contract/key/query-keys.test.ts", title: " may be read in two ways" },
      {
        file: "src/gateway/gateway-query-key.test.ts",
        title: "may stand in a header too when it is the same",
      },
    ],
  },
  {
    name: "pass an open request on with two keys in its query",
    why: "Nobody asks it for a key, so its keys reach the upstream.",
    file: "src/exchange/request/inspect-request.ts",
    search: "  if (found.ambiguous) return",
    replacement: "  if (found.ambiguous && exchange.method !== exchange.method) return",
    tests: [
      {
        file: "src/gateway/gateway-query-key.test.ts",
        title: "may stand in a header too when it is the same",
      },
    ],
  },
  {
    name: "show zeros of an account that could not be read",
    why: "A customer believes that nothing is left, and stops or buys.",
    file: "src/exchange/response/account-state.ts",
    search: "  if (state === undefined) return;\n  const balance = poolOf(state, creditType)?.balance ?? 0n;",
    replacement: "  const balance = (state && poolOf(state, creditType)?.balance) ?? 0n;",
    tests: [
      {
        file: "src/gateway/gateway-account-state.test.ts",
        title: "is left out while the database does not answer",
      },
    ],
  },
  {
    name: "leave what the upstream says of a call's cost",
    why: "The upstream's number stands beside ours under the same name, and readers differ on which one counts.",
    file: "src/exchange/body/json-path-watch.ts",
    search: "key !== undefined && this.#members.has(key);",
    replacement: "key !== undefined && key === [...this.#members][0];",
    tests: [
      {
        file: "src/gateway/gateway-account-state.test.ts",
        title: "adds its members to every success, whole or in pieces",
      },
    ],
  },
  {
    name: "believe an old look at an account although credits came",
    why: "What is shown contradicts the balance beside it for as long as the account is busy.",
    file: "src/exchange/parts/account-states.ts",
    search: "pool.balance < facts.balance);",
    replacement: "pool.balance < 0n);",
    tests: [
      { file: "src/gateway/gateway-account-state.test.ts", title: "is looked at anew when credits came" },
    ],
  },
  {
    name: "forget what the last charge left when an answer is not charged",
    why: "A balance goes up that nobody filled.",
    file: "src/exchange/parts/account-states.ts",
    search: "?.left.set(creditType, balance);",
    replacement: "?.left.delete(creditType);",
    tests: [
      {
        file: "src/gateway/gateway-account-state.test.ts",
        title: "never tells more than the charge before it left",
      },
    ],
  },
  {
    name: "look keys from elsewhere up without the salt of their form",
    why: "Every key of the customers who move here is refused.",
    file: "src/domain/keys/key-form.ts",
    search: '    return (this.#find(text)?.salt ?? "") + text;\n',
    replacement: "    return text;\n",
    tests: [
      {
        file: "src/domain/keys/key-form.test.ts",
        title: "put the salt of the form before a text that is hashed",
      },
      {
        file: "tests/customer-api/imported-keys.test.ts",
        title: "a key from elsewhere is used like any other",
      },
    ],
  },
  {
    name: "move an imported key to the account that imports it",
    why: "One customer takes the key of another, and with it what its requests are paid from.",
    file: "src/api/keys/import-keys.ts",
    search: "    return known.accountId === accountId\n",
    replacement: "    return known.accountId !== ''\n",
    tests: [
      {
        file: "src/api/operator/keys/import-keys.pg.test.ts",
        title: "of another account are left out and named",
      },
    ],
  },
];
