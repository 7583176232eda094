import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger } from "../telemetry/logger.ts";
import { Closing } from "./closing.ts";

test("parts are closed in reverse; one that fails, or never ends, keeps no other from it", async () => {
  const lines: string[] = [];
  const logger = createLogger({ level: "info", format: "json", write: (line) => lines.push(line) });
  const closing = new Closing(logger, 5);
  const closed: string[] = [];
  const note = (name: string) => async () => void closed.push(name);
  closing.add("first", note("first"));
  closing.add("endless", async () => {
    closed.push("endless");
    await new Promise(() => undefined);
  });
  closing.add("failing", () => Promise.reject(new Error("no")));
  // Longer than the bound of the rest, which does not apply to it.
  closing.add("door", () => new Promise((resolve) => setTimeout(resolve, 50)).then(note("door")), "serving");
  await closing.run();
  assert.deepEqual(closed, ["door", "endless", "first"]);
  const told = lines.map((line) => JSON.parse(line) as { part: string });
  assert.deepEqual(
    told.slice(0, 2).map(({ part }) => part),
    ["failing", "endless"],
  );
});
