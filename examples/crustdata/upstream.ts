import { type Context, Hono } from "hono";
import { listCompanies } from "../data/companies.ts";
import { runUpstream, serve, type Upstream, type UpstreamOptions } from "../serve.ts";
import { InvalidRequest } from "./invalid-request.ts";
import { enrich, identify } from "./match.ts";
import { search } from "./search.ts";

/** The one version that the example speaks; calls without the header get it too. */
const VERSION = "2025-11-01";

/** Serves company search, enrich and identify over 20,000 companies, as Crustdata's public API does. */
export function startUpstream(options?: UpstreamOptions): Promise<Upstream> {
  listCompanies();
  return serve(buildApp(), options);
}

function buildApp(): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    const version = context.req.header("x-api-version") ?? VERSION;
    if (version !== VERSION) throw new InvalidRequest(`Unknown x-api-version: ${version}`);
    await next();
  });
  app.post("/company/search", async (context) => context.json(search(await readJson(context))));
  app.post("/company/enrich", async (context) => context.json(enrich(await readJson(context))));
  app.post("/company/identify", async (context) => context.json(identify(await readJson(context))));
  app.notFound((context) => renderError(context, 404, "not_found", "No such endpoint"));
  app.onError((error, context) =>
    error instanceof InvalidRequest
      ? renderError(context, 400, "invalid_request", error.message)
      : renderError(context, 500, "internal_error", "Internal server error"),
  );
  return app;
}

async function readJson(context: Context): Promise<unknown> {
  return context.req.json<unknown>().catch(() => {
    throw new InvalidRequest("The body is not JSON");
  });
}

function renderError(context: Context, status: 400 | 404 | 500, type: string, message: string): Response {
  return context.json({ error: { type, message, metadata: [] } }, status);
}

if (import.meta.main) await runUpstream(startUpstream);
