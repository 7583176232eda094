import assert from "node:assert/strict";
import { describe } from "node:test";
import type { RawClient } from "../raw-client.ts";
import { it } from "../rows.ts";
import { chunked, ok, requestText, type TestAccount, type World } from "../world.ts";

/** A body as a client sends it: what announces it, and its pieces. */
interface Upload {
  readonly name: string;
  readonly header: string;
  readonly pieces: readonly string[];
}

const PIECE = "u".repeat(10_000);

function withLength(count: number, announced = count * PIECE.length): Upload {
  return {
    name: `${announced} bytes`,
    header: `Content-Length: ${announced}`,
    pieces: Array.from({ length: count }, () => PIECE),
  };
}

function inChunks(count: number): Upload {
  const chunk = `${PIECE.length.toString(16)}\r\n${PIECE}\r\n`;
  return {
    name: `${count} chunks`,
    header: "Transfer-Encoding: chunked",
    pieces: [...Array.from({ length: count }, () => chunk), "0\r\n\r\n"],
  };
}

/** What answers before the body is here, and the upload to which it does. */
interface Early {
  readonly name: string;
  readonly line: string;
  readonly status: number;
  readonly anonymous?: boolean;
  readonly headers?: readonly string[];
  readonly uploads: readonly Upload[];
  /** The upstream's answer at the head; undefined: it is not asked. */
  readonly answer?: string;
}

const UPLOADS = [withLength(3), withLength(19), inChunks(15)];

/** Answers that do not wait for the request's body. */
const EARLY: readonly Early[] = [
  { name: "an unknown key", line: "POST /fixed", status: 401, anonymous: true, uploads: UPLOADS },
  { name: "a wrong header", line: "POST /fixed", status: 400, headers: ["Credits-Max: x"], uploads: UPLOADS },
  {
    name: "a body that cannot be priced",
    line: "POST /results",
    status: 415,
    headers: ["Content-Encoding: zip"],
    uploads: UPLOADS,
  },
  {
    name: "too little credit",
    line: "POST /fixed",
    status: 402,
    headers: ["Credits-Max: 1"],
    uploads: [withLength(19), inChunks(15)],
  },
  {
    name: "a body that says it is too large",
    line: "POST /fixed",
    status: 413,
    uploads: [withLength(24), withLength(40)],
  },
  {
    name: "a body that turns out to be too large",
    line: "POST /results",
    status: 413,
    headers: ["Content-Type: application/json"],
    uploads: [inChunks(30)],
  },
  {
    name: "a streamed body that turns out to be too large",
    line: "POST /fixed",
    status: 413,
    uploads: [inChunks(30)],
  },
  {
    name: "a free answer of the upstream",
    line: "POST /unpriced",
    status: 200,
    uploads: UPLOADS.slice(1),
    answer: ok("early"),
  },
  {
    name: "a charged answer of the upstream",
    line: "POST /fixed",
    status: 200,
    uploads: UPLOADS.slice(1),
    answer: ok("early"),
  },
  {
    name: "a streamed answer of the upstream",
    line: "POST /fixed",
    status: 200,
    uploads: UPLOADS.slice(1),
    answer: chunked(["ear", "ly"]),
  },
  {
    name: "a failure of the upstream",
    line: "POST /fixed",
    status: 500,
    uploads: UPLOADS.slice(1),
    answer: ok("no", [], "500 No"),
  },
];

/**
 * Who answers early either keeps the connection, whose next request is served, or says `Connection: close` and ends it so that the
 * answer can be read.
 */
export function describeEarlyAnswers(open: () => World): void {
  describe("an answer that leaves before the request's body is here", () => {
    for (const early of EARLY) {
      for (const upload of early.uploads) {
        it(`${early.name}, ${upload.name}: what it says of the connection holds`, async () => {
          const world = open();
          const account = await world.account();
          await assertManners(world, account, early, upload);
        });
      }
    }

    it("what was pipelined behind the last answer is not served", async () => {
      const world = open();
      const account = await world.account();
      world.upstream.answers(ok("x"));
      const seen = world.upstream.requests.length;
      const client = world.client();
      const refused = requestText(undefined, "POST /fixed", ["Transfer-Encoding: chunked"]);
      client.write(`${refused}0\r\n\r\n${requestText(account, "GET /fixed")}`);
      assert.equal((await client.response()).header("connection"), "close");
      await client.closed();
      assert.equal(client.received.length, 0);
      // What is asked later arrives later: by then the upstream would have heard of the one before.
      const heard = world.upstream.requests.length;
      await world.request(account, "GET /unpriced");
      const targets = world.upstream.requests.slice(seen).map(({ target }) => target);
      assert.deepEqual([heard, targets], [seen, ["/unpriced"]]);
      assert.deepEqual((await account.books()).entries, []);
    });
  });
}

async function assertManners(
  world: World,
  account: TestAccount,
  early: Early,
  upload: Upload,
): Promise<void> {
  const { upstream } = world;
  if (early.answer !== undefined) {
    const { answer } = early;
    upstream.respondAtHead = (socket) => socket.write(answer);
  }
  const client = world.client();
  try {
    const sender = early.anonymous === true ? undefined : account;
    client.write(requestText(sender, early.line, [upload.header, ...(early.headers ?? [])]));
    const rest = [...upload.pieces];
    // A request reaches the upstream with the first of its body; too large is only what has come.
    const needed = early.status === 413 ? rest.length - 1 : 1;
    for (const piece of rest.splice(0, needed)) client.write(piece);
    const response = await client.response();
    assert.equal(response.status, early.status);
    assert.ok(response.complete);
    await finishUpload(client, rest);
    upstream.respondAtHead = undefined;
    upstream.answers(ok("next"));
    if (response.header("connection") === "close") {
      await client.closed();
      return;
    }
    client.write(requestText(account, "GET /unpriced"));
    assert.equal((await client.response()).body.toString(), "next");
  } finally {
    upstream.respondAtHead = undefined;
    client.leave();
  }
}

/** Sends what is left of a body, piece by piece, as far as the connection takes it. */
async function finishUpload(client: RawClient, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    if (!client.socket.writable) return;
    await new Promise<void>((resolve) => {
      client.socket.write(piece, () => resolve());
    });
  }
}
