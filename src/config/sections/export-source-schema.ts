import { z } from "zod";
import { count, duration } from "../option-types.ts";

/** `POST /v2/companies/search`. `{name}` is a parameter of the export's match, filled in for each export. */
const sourceRequest = z
  .string()
  .regex(/^(?:GET|POST) \/[^\s?#*]*$/, "is not `GET /path` or `POST /path`")
  .meta({ fix: "write a method, a space and a path: POST /v2/companies/search" });

const pointer = z
  .string()
  .regex(/^(?:\/(?:[^~]|~[01])*)?$/, "is not a JSON pointer")
  .meta({ fix: 'write a JSON pointer: /items, or "" for the whole' });

const answerHeader = z.string().min(1).meta({ description: "A header of the answer.", reason: "Required." });
const answerPointer = pointer.meta({
  description: "A JSON pointer into the answer's body.",
  reason: "Required.",
});

/** Where something stands in an answer. */
const answerField = z.union([
  z.strictObject({ body: answerPointer }),
  z.strictObject({ header: answerHeader }),
]);

const nextPage = z.union([
  z.strictObject({ body: answerPointer }),
  z.strictObject({ header: answerHeader }),
  z.strictObject({
    count: z
      .int()
      .min(0)
      .max(1)
      .meta({ description: "Pages are numbered from this on: 0 or 1.", reason: "Required." }),
  }),
]);

/** Where something is put in a request. */
const requestPlace = z.union([
  z.strictObject({
    query: z.string().min(1).meta({ description: "A query parameter.", reason: "Required." }),
  }),
  z.strictObject({
    body: z.string().min(1).meta({ description: "A member of the body: `cursor`.", reason: "Required." }),
  }),
]);

const LEFT_OUT = "Left out: none.";

/** Where an export's records come from: endpoints of the upstream, asked without a charge. */
export const exportSourceOption = z
  .strictObject({
    kind: z.enum(["lines", "pages", "collect"]).meta({
      description:
        "`lines`: one answer that streams JSON Lines. `pages`: pages of records. `collect`: ids, from pages or from the export's own request, and then a record for each.",
      reason: "Required.",
      fix: "write lines, pages or collect",
    }),
    upstream: z.string().optional().meta({
      description: "The upstream's name.",
      reason: "Left out: the one whose `pathPrefix` fits, or the one without a host.",
    }),
    request: sourceRequest.optional().meta({
      description:
        "The request for the lines or for a page; `{name}` is a parameter of the match. Needed unless `ids` says where the ids are.",
      reason: LEFT_OUT,
    }),
    query: z.record(z.string(), z.string()).default({}).meta({
      description: "Query parameters of that request: `{ items_per_page: '1000' }`.",
      reason: "None.",
    }),
    body: pointer.optional().meta({
      description: "The part of the export's request that is sent as that request's body: `/filters`.",
      reason: 'Left out: no body. Whole: `""`.',
    }),
    items: pointer.default("").meta({
      description: "Where a page's answer has its list.",
      reason: 'The answer is the list: `""`.',
    }),
    next: nextPage.optional().meta({
      description:
        "Where a page's answer names the next page; none, null or an empty text: it is the last. Or `{ count: 1 }`: pages are numbered, and an empty one is the last.",
      reason: "Required with pages.",
    }),
    send: requestPlace.optional().meta({
      description: "Where the request for the next page says which.",
      reason: "Required with pages.",
    }),
    total: answerField.optional().meta({
      description: "Where an answer has the number of records in all, for progress.",
      reason: "Left out: how far an export is shows in the records it has.",
    }),
    ids: pointer.optional().meta({
      description:
        "`collect` only: where the export's request has the ids themselves, in place of `request`.",
      reason: LEFT_OUT,
    }),
    id: pointer.optional().meta({
      description:
        "`lines` and `pages` only: where a record has its id. A record whose id was there already is left out.",
      reason: "Left out: a source that repeats itself is believed.",
    }),
    collect: sourceRequest.optional().meta({
      description:
        "`collect` only: the request for one record, `{id}` in its place. A 404 is a record that there is none of.",
      reason: "Required with `collect`.",
    }),
    concurrency: count({
      default: 8,
      min: 1,
      max: 256,
      description: "Requests of one export under way at a time.",
      reason: "Enough to be quick, too few to be felt by other callers.",
    }),
    rate: count({
      default: 50,
      min: 1,
      max: 100_000,
      description: "Requests of one export in a second at most.",
      reason: "About what vendors let one customer do.",
    }),
    retries: count({
      default: 5,
      min: 0,
      max: 20,
      description:
        "How often a request that failed (a fault, 408, 429 or 5xx) is sent again, with growing pauses.",
      reason: "Half a minute in all: longer than a restart takes. After that the export fails.",
    }),
    timeout: duration({
      default: "60s",
      min: "100ms",
      max: "1h",
      description: "How long an answer may take, or pause while it streams.",
      reason: "As the gateway's own.",
    }),
  })
  .superRefine((source, context) => {
    for (const [path, message, fix] of findContradictions(source)) {
      context.addIssue({ code: "custom", path: [path], message, params: { fix } });
    }
  })
  .meta({ description: "Where the records come from.", reason: "Required." });

type SourceShape = Readonly<
  Record<"kind", "lines" | "pages" | "collect"> &
    Partial<Record<"request" | "ids" | "collect" | "next" | "send" | "id", unknown>>
>;

type Contradiction = readonly [path: string, message: string, fix: string];

function findContradictions(source: SourceShape): readonly Contradiction[] {
  const { kind, request, ids, collect, next, send, id } = source;
  const found: Contradiction[] = [];
  const need = (path: string, value: unknown, fix: string): void => {
    if (value === undefined) found.push([path, "is missing", fix]);
  };
  const refuse = (path: string, value: unknown, reason: string): void => {
    if (value !== undefined) found.push([path, reason, "remove it, or choose another kind"]);
  };
  if (ids === undefined) need("request", request, "name the upstream's endpoint: POST /v2/companies/search");
  if (kind === "lines") {
    for (const [path, value] of Object.entries({ next, send })) refuse(path, value, "lines have no pages");
  } else if (request !== undefined) {
    need("next", next, "say where the next page is named: { body: /next }");
    need("send", send, "say where it is sent: { query: cursor }");
  }
  if (kind === "collect") {
    need("collect", collect, "name the endpoint of one record: GET /v2/companies/{id}");
    refuse("id", id, "of collect every id is collected once");
    if (request !== undefined && ids !== undefined) refuse("ids", ids, "ids come from it or from request");
  } else {
    refuse("collect", collect, `does not go with kind: ${kind}`);
    refuse("ids", ids, `does not go with kind: ${kind}`);
  }
  if (typeof collect === "string" && !collect.includes("{id}")) {
    found.push(["collect", "has no {id}", "write {id} where the record's id goes"]);
  }
  return found;
}

export type ExportSourceFile = z.infer<typeof exportSourceOption>;
