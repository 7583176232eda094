import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { SecureVersion } from "node:tls";
import { Pool } from "undici";
import { TEST_CERTIFICATE } from "../testing/test-certificate.ts";
import { TlsUpstream } from "../testing/tls-upstream.ts";
import { connectUpstream } from "./upstream-connector.ts";

describe("a connection to an upstream over TLS", () => {
  const upstream = new TlsUpstream();
  let port = 0;
  before(async () => {
    port = await upstream.listen();
  });
  after(() => upstream.close());

  async function read(version: SecureVersion, slowly: boolean): Promise<string> {
    const connect = connectUpstream({
      ca: TEST_CERTIFICATE,
      minVersion: version,
      maxVersion: version,
      allowH2: false,
    });
    const pool = new Pool(`https://localhost:${port}`, { connect });
    try {
      const { body } = await pool.request({ path: "/", method: "GET" });
      let size = 0;
      for await (const chunk of body) {
        size += (chunk as Buffer).length;
        // A turn of the loop between two reads: the reader falls behind, and its connection is paused.
        if (slowly) await new Promise((resolve) => setImmediate(resolve));
      }
      return `${size} bytes`;
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : String(error);
    } finally {
      await pool.destroy();
    }
  }

  for (const size of [10, 3_000_000]) {
    const text = "x".repeat(size);
    const untilClose = `HTTP/1.1 200 OK\r\n\r\n${text}`;
    const withLength = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n${text}`;
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      for (const slowly of [false, true]) {
        const how = `${size} bytes, ${version}, ${slowly ? "read slowly" : "read at once"}`;

        it(`ends a body without length by close_notify only (${how})`, async () => {
          upstream.answer = untilClose;
          upstream.end = "close_notify";
          assert.equal(await read(version, slowly), `${size} bytes`);
          for (const end of ["fin", "reset"] as const) {
            upstream.end = end;
            assert.equal(await read(version, slowly), "UND_ERR_SOCKET", end);
          }
        });

        it(`needs none for a body with a length (${how})`, async () => {
          upstream.answer = withLength;
          for (const end of ["close_notify", "fin"] as const) {
            upstream.end = end;
            assert.equal(await read(version, slowly), `${size} bytes`, end);
          }
        });
      }
    }
  }
});
