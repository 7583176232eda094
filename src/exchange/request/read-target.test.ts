import assert from "node:assert/strict";
import { it } from "node:test";
import type { Contract } from "../../contract/contract.ts";
import { readTarget } from "./read-target.ts";

const found = { match: "GET /u/{zone}", endpoint: {}, pathParams: {} } as ReturnType<
  Contract["findEndpoint"]
>;
const contract = {
  findEndpoint: (method: string, path: string) =>
    method === "GET" && path.startsWith("/u/") ? found : undefined,
};

function read(url: string, open: readonly string[] = []): string {
  const target = readTarget("GET", url, contract, (_, path) => open.includes(path));
  return "reason" in target ? target.reason : target.path + target.query;
}

it("an encoded slash stays in what a contract's endpoint answers, and is refused wherever it would be forwarded", () => {
  assert.equal(read("/u/Europe%2fBerlin?a=1"), "/u/Europe%2FBerlin?a=1");
  assert.equal(read("/v/Europe%2FBerlin"), "path contains an encoded slash");
  assert.equal(read("/u/Europe%2FBerlin", ["/u/Europe%2FBerlin"]), "path contains an encoded slash");
  assert.equal(read("/u/a%2F%5Cb"), "path contains an encoded slash");
  assert.equal(read("/u/a%2Fb/../c"), "path contains an encoded slash");
});
