import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { listPeople } from "../data/people.ts";
import { runUpstream, serve, type Upstream, type UpstreamOptions } from "../serve.ts";
import { enrichBusiness, enrichProspect, listEvents } from "./enrich.ts";
import { businesses, prospects } from "./entities.ts";
import { fetchEntities } from "./fetch.ts";
import { matchBusinesses, matchProspects } from "./match.ts";
import { computeStatistics, listValues } from "./statistics.ts";
import { ValidationError } from "./validation-error.ts";

/** Serves fetch, match, statistics, enrichments and events of businesses and prospects, by Explorium's public paths. */
export function startUpstream(options?: UpstreamOptions): Promise<Upstream> {
  listPeople();
  return serve(buildApp(), options);
}

/** Every endpoint that takes JSON, as a function from the body to the answer; undefined is a 404. */
const ENDPOINTS: Readonly<Record<string, (body: unknown) => object | undefined>> = {
  "/v1/businesses": (body) => fetchEntities(businesses, body),
  "/v1/businesses/match": matchBusinesses,
  "/v1/businesses/stats": computeStatistics,
  "/v1/businesses/firmographics/enrich": enrichBusiness,
  "/v1/businesses/events": (body) => listEvents("business", body),
  "/v1/prospects": (body) => fetchEntities(prospects, body),
  "/v1/prospects/match": matchProspects,
  "/v1/prospects/contacts_information/enrich": enrichProspect,
  "/v1/prospects/events": (body) => listEvents("prospect", body),
};

function buildApp(): Hono {
  const app = new Hono();
  for (const [path, answer] of Object.entries(ENDPOINTS)) {
    app.post(path, async (context) => {
      const started = performance.now();
      const found = answer(await readJson(context));
      if (found === undefined) return context.json({ detail: "Not Found" }, 404);
      return context.json({ response_context: renderContext(started), ...found });
    });
  }
  app.get("/v1/businesses/autocomplete", (context) => {
    const values = listValues(context.req.query("field") ?? "", context.req.query("query") ?? "");
    if (values === undefined) throw new ValidationError(["query", "field"], "value is not a known field");
    return context.json(values.map((value) => ({ query: context.req.query("query") ?? "", value })));
  });
  app.notFound((context) => context.json({ detail: "Not Found" }, 404));
  app.onError((error, context) =>
    error instanceof ValidationError
      ? context.json({ detail: [{ loc: error.place, msg: error.message, type: "value_error" }] }, 422)
      : context.json({ detail: "Internal Server Error" }, 500),
  );
  return app;
}

function renderContext(started: number): object {
  return {
    correlation_id: randomUUID().replaceAll("-", ""),
    request_status: "success",
    time_took_in_seconds: Math.round(performance.now() - started) / 1000,
  };
}

async function readJson(context: Context): Promise<unknown> {
  return context.req.json<unknown>().catch(() => {
    throw new ValidationError(["body"], "the body is not JSON");
  });
}

if (import.meta.main) await runUpstream(startUpstream);
