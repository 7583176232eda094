import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { runUpstream, serve, type Upstream, type UpstreamOptions } from "../serve.ts";
import type { Dataset } from "./dataset.ts";
import { DATASETS, findDataset } from "./datasets.ts";
import { type Predicate, parseEsQuery, parseFilters, QueryError } from "./query.ts";
import { parseAfter, parsePageSize, search } from "./search.ts";

const MAX_PREVIEW = 20;

/** Serves search and collect over nine datasets under `/cdapi/v2`, as Coresignal's public API does. */
export function startUpstream(options?: UpstreamOptions): Promise<Upstream> {
  // The largest dataset is built now, so that the first call is as quick as the others.
  findDataset("company_multi_source");
  return serve(buildApp(), options);
}

function buildApp(): Hono {
  const app = new Hono();
  const routes = new Hono();
  routes.post("/:dataset/search/:kind", async (context) => {
    const { dataset, matches } = await readSearch(context);
    const size = parsePageSize(context.req.query("items_per_page"));
    const page = search(dataset, matches, { size, after: parseAfter(context.req.query("after")) });
    context.header("x-total-results", String(page.total));
    context.header("x-total-pages", String(Math.ceil(page.total / size)));
    if (page.nextAfter !== undefined) context.header("x-next-page-after", page.nextAfter);
    return context.json(page.indexes.map((index) => dataset.readId(index)));
  });
  routes.post("/:dataset/search/:kind/preview", async (context) => {
    const { dataset, matches } = await readSearch(context);
    const page = search(dataset, matches, { size: MAX_PREVIEW, after: undefined });
    return context.json(page.indexes.map((index) => dataset.render(index, dataset.preview)));
  });
  routes.get("/:dataset/collect/:id", (context) => {
    const dataset = readDataset(context);
    const id = context.req.param("id");
    const index = /^\d{1,15}$/.test(id) ? dataset.findIndex(Number(id)) : undefined;
    if (index === undefined) throw new HTTPException(404, { message: `${dataset.name} has no record ${id}` });
    return context.json(dataset.render(index));
  });
  routes.get("/datasets", (context) => context.json(DATASETS));
  app.route("/cdapi/v2", routes);
  app.notFound((context) => context.json({ detail: "Not Found" }, 404));
  app.onError((error, context) => {
    if (error instanceof QueryError) return context.json({ detail: error.message }, 422);
    if (error instanceof HTTPException) return context.json({ detail: error.message }, error.status);
    return context.json({ detail: "Internal server error" }, 500);
  });
  return app;
}

async function readSearch(context: Context): Promise<{ dataset: Dataset; matches: Predicate }> {
  const dataset = readDataset(context);
  const kind = context.req.param("kind");
  if (kind !== "filter" && kind !== "es_dsl") throw new HTTPException(404, { message: "Not Found" });
  const body = await context.req.json<unknown>().catch(() => {
    throw new HTTPException(400, { message: "There was an error parsing the body" });
  });
  return { dataset, matches: kind === "filter" ? parseFilters(dataset, body) : parseEsBody(dataset, body) };
}

/** `sort` is accepted in its default only: another order would need a cursor of another form. */
function parseEsBody(dataset: Dataset, body: unknown): Predicate {
  if (typeof body !== "object" || body === null || !("query" in body)) {
    throw new QueryError("query: field required");
  }
  const unknown = Object.keys(body).find((name) => name !== "query");
  if (unknown !== undefined) throw new QueryError(`${unknown}: not supported`);
  return parseEsQuery(dataset, body.query);
}

function readDataset(context: Context): Dataset {
  const name = context.req.param("dataset") ?? "";
  const dataset = findDataset(name);
  if (dataset === undefined) throw new HTTPException(404, { message: `Unknown dataset: ${name}` });
  return dataset;
}

if (import.meta.main) await runUpstream(startUpstream);
