import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { type Company, computeCompany } from "../data/companies.ts";
import { findNetwork, type Organisation, readNetworks } from "../data/networks.ts";
import { listPeople } from "../data/people.ts";
import { runUpstream, serve, type Upstream, type UpstreamOptions } from "../serve.ts";
import { streamCsv } from "./csv.ts";
import { parseIp, renderIp } from "./ip-address.ts";
import { type LeadFilter, selectLeads } from "./leads.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const EVENTS = ["page_view", "email_open", "email_click", "download", "form_submit"];

/** Serves IP and domain look-ups, tracking, leads and their export, by the paths of LeadBoxer's price page. */
export function startUpstream(options?: UpstreamOptions): Promise<Upstream> {
  listPeople();
  return serve(buildApp(), options);
}

function buildApp(): Hono {
  const app = new Hono();
  const { organisations } = readNetworks();
  const byDomain = new Map(organisations.map((organisation) => [organisation.domain, organisation]));
  let tracked = 0;
  app.get("/v1/ip-lookup", (context) => context.json(lookUpIp(context)));
  app.get("/v1/domain-lookup", (context) => context.json(lookUpDomain(context, byDomain)));
  app.post("/v1/track", async (context) => {
    const event = await readEvent(context);
    tracked += 1;
    return context.json({ status: "accepted", id: `evt_${tracked}`, event });
  });
  app.get("/v1/leads", (context) => context.json(listLeads(context)));
  app.get("/v1/leads/export", (context) => {
    context.header("content-type", "text/csv; charset=utf-8");
    context.header("content-disposition", 'attachment; filename="leads.csv"');
    return context.body(streamCsv(selectLeads(readFilter(context))));
  });
  app.get("/v1/status", (context) =>
    context.json({ status: "ok", organizations: organisations.length, leads: listPeople().length, tracked }),
  );
  app.notFound((context) => renderError(context, 404, "Not Found", "No such endpoint"));
  app.onError((error, context) =>
    error instanceof HTTPException && (error.status === 400 || error.status === 404)
      ? renderError(context, error.status, error.status === 400 ? "Bad Request" : "Not Found", error.message)
      : renderError(context, 500, "Internal Server Error", "The request could not be answered"),
  );
  return app;
}

function lookUpIp(context: Context): object {
  const ip = requireQuery(context, "ip");
  const parsed = parseIp(ip);
  if (parsed === undefined) throw new HTTPException(400, { message: "ip must be an IPv4 or IPv6 address" });
  const found = parsed.kind === "v4" ? findNetwork(readNetworks(), parsed.number) : undefined;
  if (found === undefined) throw new HTTPException(404, { message: `No data for ${ip}` });
  const network = { from: renderIp(found.first), to: renderIp(found.last) };
  return { ip, network, organization: renderOrganization(found.organisation) };
}

function lookUpDomain(context: Context, byDomain: ReadonlyMap<string, Organisation>): object {
  const domain = requireQuery(context, "domain").toLowerCase();
  if (domain.length > 253 || !/^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/.test(domain)) {
    throw new HTTPException(400, { message: "domain must be a domain name" });
  }
  const organisation = byDomain.get(domain);
  if (organisation === undefined) throw new HTTPException(404, { message: `No data for ${domain}` });
  return { domain, organization: renderOrganization(organisation) };
}

function renderOrganization(organisation: Organisation): object {
  const company: Company = computeCompany(organisation);
  const { name, domain, industry, country, size, asns, addresses } = company;
  return { name, domain, industry, country, size, asns, addresses };
}

async function readEvent(context: Context): Promise<string> {
  const body: unknown = await context.req.json<unknown>().catch(() => undefined);
  const { event, lead_id: leadId } = (typeof body === "object" && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  if (typeof event !== "string" || !EVENTS.includes(event)) {
    throw new HTTPException(400, { message: `event must be ${EVENTS.join(", ")}` });
  }
  if (typeof leadId !== "string") throw new HTTPException(400, { message: "lead_id must be a text" });
  return event;
}

function listLeads(context: Context): object {
  const limit = readWholeNumber(context, "limit", MAX_LIMIT) ?? DEFAULT_LIMIT;
  const offset = readWholeNumber(context, "offset", Number.MAX_SAFE_INTEGER) ?? 0;
  if (limit < 1) throw new HTTPException(400, { message: "limit must be at least 1" });
  const leads = [...selectLeads(readFilter(context))];
  return { total: leads.length, limit, offset, leads: leads.slice(offset, offset + limit) };
}

function readFilter(context: Context): LeadFilter {
  return {
    country: context.req.query("country"),
    industry: context.req.query("industry"),
    organization: context.req.query("organization"),
    minScore: readWholeNumber(context, "min_score", 100),
  };
}

function requireQuery(context: Context, name: string): string {
  const value = context.req.query(name);
  if (value === undefined || value === "") throw new HTTPException(400, { message: `${name} is required` });
  return value;
}

function readWholeNumber(context: Context, name: string, max: number): number | undefined {
  const text = context.req.query(name);
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text) && Number(text) <= max) return Number(text);
  throw new HTTPException(400, { message: `${name} must be a whole number up to ${max}` });
}

function renderError(context: Context, status: 400 | 404 | 500, error: string, message: string): Response {
  return context.json({ error, message }, status);
}

if (import.meta.main) await runUpstream(startUpstream);
