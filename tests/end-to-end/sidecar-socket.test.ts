import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { openScene } from "../customer-api/scene.ts";

const folder = mkdtempSync(join(tmpdir(), "farebox-socket-"));
after(() => rmSync(folder, { recursive: true }));

/** A socket at which nobody listens any more, as a process leaves it that was killed. */
async function leaveSocket(path: string): Promise<void> {
  const listens = `require("node:net").createServer().listen(process.argv[1], () => process.stdout.write("listens"))`;
  const child = spawn(process.execPath, ["-e", listens, path], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  assert.ok(existsSync(path));
}

async function ask(socketPath: string, path: string, token: string, body: object) {
  const call = request({
    socketPath,
    path,
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  call.end(JSON.stringify(body));
  const [response] = (await once(call, "response")) as [IncomingMessage];
  return { status: response.statusCode, body: JSON.parse(await text(response)) };
}

test("the sidecar listens at a socket that others than its group cannot open, in the place of one that was left behind", async () => {
  const path = join(folder, "sidecar.sock");
  await leaveSocket(path);
  const scene = await openScene(`
prices: [{ match: GET /paid, cost: 2 }]
sidecar: { listen: "unix:${path}" }
`);
  try {
    assert.equal(scene.sidecar, `unix:${path}`);
    assert.equal(statSync(path).mode & 0o007, 0);
    const { key } = await scene.openCustomer(10);
    const told = { method: "GET", path: "/paid", key };
    assert.equal((await ask(path, "/v1/authorize", "wrong", told)).status, 401);
    const { body: decision } = await ask(path, "/v1/authorize", scene.operatorToken, told);
    assert.equal(decision.decision, "admitted", JSON.stringify(decision));
    const { body: settled } = await ask(path, "/v1/settle", scene.operatorToken, { hold: decision.hold });
    assert.deepEqual([settled.charged, settled.balance], [2, 8]);
    // One at which somebody listens is not taken away.
    await assert.rejects(
      openScene(`prices: [{ match: GET /paid, cost: 2 }]\nsidecar: { listen: "unix:${path}" }\n`),
      { code: "listen_failed" },
    );
    const again = await ask(path, "/v1/authorize", scene.operatorToken, told);
    const { hold } = again.body;
    assert.equal((await ask(path, "/v1/release", scene.operatorToken, { hold })).status, 200);
  } finally {
    await scene.close();
  }
  assert.equal(existsSync(path), false);
});
