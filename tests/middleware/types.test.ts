import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");
const TSC = join(ROOT, "node_modules", ".bin", "tsc");

/** An application of somebody who has the package, and nothing of its sources. */
const APPLICATION = `
import { serve } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { farebox as forExpress } from "farebox/express";
import { farebox as forFastify } from "farebox/fastify";
import { farebox as forHono } from "farebox/hono";
import { farebox as forNode } from "farebox/node";

const app = express();
app.use(await forExpress("farebox.yaml"));
app.get("/x", async (request, response) => {
  request.farebox.units = 3;
  const [pool] = await request.farebox.balance();
  response.json(pool?.balance);
});

const plugin = await forFastify("farebox.yaml");
const fastify = Fastify({ serverFactory: plugin.serverFactory });
await fastify.register(plugin);
fastify.get("/x", async (request) => request.farebox.accountId);

const middleware = await forHono("farebox.yaml");
const hono = new Hono();
hono.use(middleware);
hono.get("/x", (c) => c.text(c.var.farebox.requestId));
serve({ fetch: hono.fetch, createServer: middleware.createServer, port: 3000 });

const paid = await forNode("farebox.yaml");
export const listener = paid((request, response) => {
  request.farebox.free();
  response.end();
});
`;

function compile(args: readonly string[]): void {
  const { status, stdout } = spawnSync(TSC, args, { encoding: "utf8" });
  assert.equal(status, 0, stdout);
}

test("an application with the package's declarations has what Farebox tells its handlers, in all four frameworks", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "farebox-types-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  compile([
    "-p",
    join(ROOT, "tsconfig.build.json"),
    "--emitDeclarationOnly",
    "--outDir",
    join(folder, "dist"),
  ]);
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(join(folder, "app.ts"), APPLICATION);
  const compilerOptions = {
    strict: true,
    module: "nodenext",
    target: "es2024",
    noEmit: true,
    types: ["node"],
    paths: { "farebox/*": ["./dist/embed/*.d.ts"] },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts"] }));
  compile(["-p", folder]);
});
