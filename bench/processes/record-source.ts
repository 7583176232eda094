/** A source of exports: `/lines?records=<n>` streams so many JSON Lines of about 400 bytes, as fast as they are taken. */
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { announce } from "./announce.ts";

/** Lines of one chunk. */
const AT_ONCE = 200;

const WORDS = [
  "north",
  "river",
  "delta",
  "copper",
  "violet",
  "harbor",
  "signal",
  "meadow",
  "quartz",
  "ember",
];

function renderLine(id: number): string {
  const word = (shift: number): string => WORDS[(id * 7 + shift * 13 + (id >> shift)) % WORDS.length] ?? "";
  return `${JSON.stringify({
    id,
    name: `${word(1)} ${word(2)} ${id.toString(36)}`,
    url: `https://www.example.com/${word(3)}/${(id * 2_654_435_761) % 4_294_967_296}`,
    description: Array.from({ length: 36 }, (_, index) => word(index % 11)).join(" "),
    employees: (id * 31) % 5_000,
    founded: 1950 + (id % 75),
  })}\n`;
}

function* renderLines(records: number): Generator<string> {
  for (let from = 1; from <= records; from += AT_ONCE) {
    let chunk = "";
    for (let id = from; id < from + AT_ONCE && id <= records; id += 1) chunk += renderLine(id);
    yield chunk;
  }
}

const server = createServer((request, response) => {
  const records = Number(new URL(request.url ?? "/", "http://localhost").searchParams.get("records"));
  response.setHeader("content-type", "application/x-ndjson");
  Readable.from(renderLines(records)).pipe(response);
});
server.listen(0, "127.0.0.1", () => announce(server));
