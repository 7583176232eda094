import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { Hono } from "hono";
import { serve, type Upstream } from "../../../examples/serve.ts";

interface Job {
  readonly account: string;
  readonly ids: readonly number[];
  readonly file: string;
  isReady: boolean;
}

/** A provider whose API has bulk jobs of its own, and knows nothing of credits. Its jobs are done when a test says so. */
export interface OwnJobsProvider {
  start(): Promise<Upstream>;
  /** All jobs that run are done. */
  finishJobs(): void;
}

const BASE = "/cdapi/v2/data_requests";

export function createOwnJobsProvider(): OwnJobsProvider {
  const jobs = new Map<string, Job>();
  return {
    start: () => serve(createApp(jobs)),
    finishJobs() {
      for (const job of jobs.values()) job.isReady = true;
    },
  };
}

function createApp(jobs: Map<string, Job>): Hono {
  const app = new Hono();
  // Whose job it is, the gateway says: a client cannot.
  const find = (id: string, account: string | undefined): Job | undefined => {
    const job = jobs.get(id);
    return job?.account === account ? job : undefined;
  };
  app.post(`${BASE}/:dataset/ids`, async (context) => {
    const { ids } = await context.req.json<{ ids: number[] }>();
    const id = randomUUID();
    const account = context.req.header("x-farebox-account") ?? "";
    jobs.set(id, { account, ids, file: `json/part-00000-${randomUUID()}.json.gz`, isReady: false });
    return context.json({ request_id: id }, 201, { location: `${BASE}/${id}/files` });
  });
  app.get(`${BASE}/:id/files`, (context) => {
    const job = find(context.req.param("id"), context.req.header("x-farebox-account"));
    if (job === undefined) return context.json({ detail: "Not found" }, 404);
    if (!job.isReady) return context.json({ message: "Data request is still being processed" }, 202);
    const headers = { "x-total-records": String(job.ids.length) };
    return context.json({ data_request_files: [job.file] }, 200, headers);
  });
  app.get(`${BASE}/:id/files/*`, (context) => {
    const job = find(context.req.param("id"), context.req.header("x-farebox-account"));
    if (job === undefined || !context.req.path.endsWith(`/files/${job.file}`)) {
      return context.json({ detail: "Not found" }, 404);
    }
    const lines = job.ids.map((id) => `${JSON.stringify({ id })}\n`).join("");
    return context.body(gzipSync(lines), 200, { "content-type": "application/gzip" });
  });
  return app;
}
