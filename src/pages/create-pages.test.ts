import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { createPages, type PagesOptions } from "./create-pages.ts";
import type { PageAnswer } from "./page-door.ts";

const OPTIONS: PagesOptions = {
  page: "portal",
  base: "/account/portal",
  frameAncestors: [],
  brand: { name: `"Acme" <b>&`, logo: undefined, accent: "#ffee00" },
  settings: { creditTypes: ["</script>"] },
};

const header = (answer: PageAnswer, name: string): string | undefined =>
  answer.headers.find(([known]) => known.toLowerCase() === name)?.[1];

const get = (path: string, options: Partial<PagesOptions> = {}, encoding?: string): PageAnswer =>
  createPages({ ...OPTIONS, ...options }).answer("GET", path, (name) =>
    name === "accept-encoding" ? encoding : undefined,
  );

test("it answers its base and what lies below, and nothing beside it", () => {
  const pages = createPages(OPTIONS);
  assert.deepEqual(
    ["/account/portal", "/account/portal/", "/account/portal/a/b", "/account/portals", "/account", "/"].map(
      (path) => pages.covers(path),
    ),
    [true, true, true, false, false, false],
  );
});

test("every answer has a policy that lets nothing run or load but what this listener serves", () => {
  for (const path of ["/account/portal", "/account/portal/brand.css", "/account/portal/assets/none.js"]) {
    const answer = get(path);
    const policy = header(answer, "content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    assert.match(policy, /frame-ancestors 'none'$/);
    assert.equal(header(answer, "x-content-type-options"), "nosniff");
    assert.equal(header(answer, "x-frame-options"), "DENY");
  }
});

test("sites that are named may show it in a frame, and no others", () => {
  const answer = get("/account/portal", { frameAncestors: ["https://app.example.com"] });
  assert.match(
    header(answer, "content-security-policy") ?? "",
    /frame-ancestors https:\/\/app\.example\.com$/,
  );
  assert.equal(header(answer, "x-frame-options"), undefined);
});

test("the accent is a style sheet, for both themes", () => {
  const answer = get("/account/portal/brand.css");
  assert.equal(header(answer, "content-type"), "text/css; charset=utf-8");
  assert.match(Buffer.from(answer.body).toString(), /--accent:#ffee00;--on-accent:#000000/);
});

test("compressed where the browser takes it and it is smaller", () => {
  const plain = get("/account/portal/brand.css");
  const zipped = get("/account/portal/brand.css", {}, "br, gzip");
  assert.equal(header(zipped, "content-encoding"), "gzip");
  assert.deepEqual(gunzipSync(zipped.body), Buffer.from(plain.body));
  assert.equal(header(get("/account/portal/brand.css", {}, "gzip;q=0"), "content-encoding"), undefined);
});

test("a logo is served under its own media type, and cannot run", () => {
  const logo = { file: "logo.svg", body: Buffer.from("<svg><script>1</script></svg>") };
  const answer = get("/account/portal/logo", { brand: { ...OPTIONS.brand, logo } });
  assert.equal(header(answer, "content-type"), "image/svg+xml");
  assert.match(header(answer, "content-security-policy") ?? "", /default-src 'none'/);
  assert.equal(get("/account/portal/logo").status, 404);
});

test("only GET and HEAD; no file of the machine under another name", () => {
  const pages = createPages(OPTIONS);
  const answer = pages.answer("POST", "/account/portal", () => undefined);
  assert.deepEqual([answer.status, header(answer, "allow")], [405, "GET, HEAD"]);
  for (const name of ["../portal.html", "..%2Fportal.html", "", ".", "x.js"]) {
    assert.equal(get(`/account/portal/assets/${name}`).status, 404);
  }
});
