import { dirname, resolve } from "node:path";
import { MAX_CREDITS } from "../domain/credits.ts";
import type { ExportKind, ExportSource, SourceCall, SourcePaging } from "../domain/export-kind.ts";
import { at, type Problem } from "../domain/problem.ts";
import { paramNames, parseMatchPattern } from "../domain/routes/match-pattern.ts";
import { routeKey } from "../domain/routes/route-table.ts";
import { readCreditType } from "./build-plans.ts";
import type { ExportsConfig, UpstreamConfig } from "./config.ts";
import type { ExportRouteFile, ExportsFile } from "./sections/export-schema.ts";
import type { ExportSourceFile } from "./sections/export-source-schema.ts";

interface Surroundings {
  /** The configuration's file: a folder is named from its place. */
  readonly file: string;
  readonly creditTypes: readonly string[];
  readonly upstreams: readonly UpstreamConfig[];
  readonly problems: Problem[];
}

/** Exports with every default filled in, one kind for each combination of values. */
export function buildExports(option: ExportsFile, surroundings: Surroundings): ExportsConfig {
  const { routes, links, workers, perAccount } = option;
  const built = routes.flatMap((route, index) =>
    buildRoute(route, option, at(at("exports", "routes"), index), surroundings),
  );
  refuseTwins(built, surroundings.problems);
  return {
    kinds: built.map(({ kind }) => kind),
    storage: buildStorage(option.storage, surroundings.file),
    workers,
    workersPerAccount: perAccount.worked,
    linkSeconds: Math.ceil(links / 1000),
  };
}

function buildStorage({ folder, s3 }: ExportsFile["storage"], file: string): ExportsConfig["storage"] {
  if (s3 === undefined) {
    return folder === undefined ? undefined : { kind: "folder", path: resolve(dirname(file), folder) };
  }
  const { accessKeyId, secretAccessKey, ...rest } = s3;
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  return { kind: "s3", ...rest, credentials };
}

interface BuiltRoute {
  readonly kind: ExportKind;
  readonly path: string;
}

type Values = Readonly<Record<string, string>>;

function buildRoute(
  file: ExportRouteFile,
  option: ExportsFile,
  path: string,
  surroundings: Surroundings,
): readonly BuiltRoute[] {
  const { creditTypes, problems } = surroundings;
  const pattern = parseMatchPattern(file.match, at(path, "match"), []);
  if (pattern === undefined) return [];
  if (pattern.method !== "POST" || pattern.wildcard) {
    const fix = "write POST and a path without *: POST /v2/exports/companies";
    problems.push({ path: at(path, "match"), reason: "an export is created by POST, at one path", fix });
  }
  const names = paramNames(pattern.segments);
  checkParameters(file, names, path, problems);
  const { cost: price, charge, duplicates, maxRecords, whenMore, formats, columns, formulas, gzip } = file;
  if (formats.includes("csv") && Object.keys(columns).length === 0) {
    const fix = "name the columns: { name: /name }";
    problems.push({ path: at(path, "columns"), reason: "csv has no columns", fix });
  }
  checkMost(price * BigInt(maxRecords), path, problems);
  const { partRecords, keep, perAccount, limits } = option;
  const common = {
    creditType: readCreditType(file.credit, at(path, "credit"), creditTypes, problems),
    price,
    charge,
    formats: [...new Set(formats)],
    columns: Object.entries(columns).map(([name, pointer]) => ({ name, pointer })),
    formulas,
    gzip,
    partRecords,
    maxRecords,
    whenMore,
    refuseDuplicates: duplicates === "refuse",
    keepSeconds: Math.ceil(keep / 1000),
    maxOpen: perAccount.open,
    maxKept: perAccount.kept,
    limits: {
      recordBytes: limits.record,
      totalBytes: limits.total,
      seconds: Math.ceil(limits.time / 1000),
    },
  } as const;
  return combine(Object.entries(file.each)).map((values) => {
    const endpoint = fill(file.match, values);
    const source = buildSource(file.source, values, at(path, "source"), surroundings);
    return { path, kind: { ...common, name: endpoint, endpoint, source } };
  });
}

/** What is set aside for an export is an amount like any other. */
function checkMost(most: bigint, path: string, problems: Problem[]): void {
  if (most <= MAX_CREDITS) return;
  const fix = "lower maxRecords, or the cost";
  problems.push({ path: at(path, "maxRecords"), reason: "costs more than a billion credits", fix });
}

/** A parameter that nothing fills would be sent to the upstream in braces. */
function checkParameters(
  { each, source }: ExportRouteFile,
  names: readonly string[],
  path: string,
  problems: Problem[],
): void {
  const known = names.map((name) => `{${name}}`).join(", ");
  for (const name of Object.keys(each)) {
    if (names.includes(name)) continue;
    const fix = names.length === 0 ? "the match has no parameters" : `the match has ${known}`;
    problems.push({ path: at(at(path, "each"), name), reason: `the match has no {${name}}`, fix });
  }
  for (const member of ["request", "collect"] as const) {
    for (const [, name = ""] of (source[member] ?? "").matchAll(/\{([^}]*)\}/g)) {
      if (names.includes(name) || (member === "collect" && name === "id")) continue;
      const fix = known === "" ? "the match has no parameters" : `write one of ${known}`;
      problems.push({
        path: at(at(path, "source"), member),
        reason: `{${name}} is no parameter of the match`,
        fix,
      });
    }
  }
}

/** Every combination of one value for each name; one that is empty when there are no names. */
function combine(each: readonly (readonly [string, readonly string[]])[]): readonly Values[] {
  return each.reduce<readonly Values[]>(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

function fill(text: string, values: Values): string {
  return text.replaceAll(/\{([^}]*)\}/g, (braced, name: string) => values[name] ?? braced);
}

function buildSource(
  file: ExportSourceFile,
  values: Values,
  path: string,
  { upstreams, problems }: Surroundings,
): ExportSource {
  const { concurrency, rate: perSecond, retries, timeout: timeoutMs } = file;
  const throttle = { concurrency, perSecond, retries, timeoutMs };
  const upstream = chooseUpstream(file.upstream, fill(file.request ?? file.collect ?? "", values), upstreams);
  if (upstream === undefined) {
    const names = upstreams.map(({ name }) => name).join(", ");
    const fix = names === "" ? "write `upstream`, which the file has none of" : `write one of ${names}`;
    problems.push({ path: at(path, "upstream"), reason: "no upstream answers it", fix });
  }
  // Contradictions were refused by the form: what is missing here is reported there.
  const call = buildCall(fill(file.request ?? "GET /", values), upstream, file.query, file.body);
  if (file.kind === "lines") return { kind: "lines", call, throttle, id: file.id };
  const paging = buildPaging(file);
  if (file.kind === "pages") return { kind: "pages", call, paging, throttle, id: file.id };
  return {
    kind: "collect",
    ids: file.ids === undefined ? { from: "search", call, paging } : { from: "request", pointer: file.ids },
    call: buildCall(fill(file.collect ?? "GET /{id}", values), upstream, {}, undefined),
    throttle,
  };
}

function buildCall(
  request: string,
  upstream: UpstreamConfig | undefined,
  query: Values,
  body: string | undefined,
): SourceCall {
  const parameters = new URLSearchParams(query).toString();
  const path = request.slice(request.indexOf(" ") + 1);
  const base = (upstream?.url ?? "").replace(/\/$/, "");
  return {
    url: `${base}${path}${parameters === "" ? "" : `?${parameters}`}`,
    method: request.startsWith("GET ") ? "GET" : "POST",
    headers: upstream?.headers ?? {},
    body,
  };
}

function buildPaging({
  items,
  next = { count: 1 },
  send = { query: "page" },
  total,
}: ExportSourceFile): SourcePaging {
  return {
    items,
    next: "count" in next ? { from: "count", first: next.count } : readField(next),
    send: "query" in send ? { to: "query", name: send.query } : { to: "body", name: send.body },
    total: total && readField(total),
  };
}

type AnswerField = NonNullable<ExportSourceFile["total"]>;

function readField(field: AnswerField): NonNullable<SourcePaging["total"]> {
  return "body" in field ? { from: "body", pointer: field.body } : { from: "header", name: field.header };
}

/** As the gateway chooses for a request whose host is no upstream's. */
function chooseUpstream(
  name: string | undefined,
  request: string,
  upstreams: readonly UpstreamConfig[],
): UpstreamConfig | undefined {
  const path = request.slice(request.indexOf(" ") + 1);
  if (name !== undefined) return upstreams.find((upstream) => upstream.name === name);
  return (
    upstreams.find(
      ({ host, pathPrefix }) =>
        host === undefined && pathPrefix !== undefined && `${path}/`.startsWith(`${pathPrefix}/`),
    ) ?? upstreams.findLast(({ host, pathPrefix }) => host === undefined && pathPrefix === undefined)
  );
}

/** Of two routes for the same requests one could never apply. */
function refuseTwins(built: readonly BuiltRoute[], problems: Problem[]): void {
  const seen = new Map<string, string>();
  for (const { kind, path } of built) {
    const pattern = parseMatchPattern(kind.endpoint, "", []);
    if (pattern === undefined) continue;
    const key = routeKey(pattern, { exact: false });
    const other = seen.get(key);
    if (other !== undefined) {
      const fix = "remove one of the two, or give them other values of each";
      problems.push({
        path: at(path, "match"),
        reason: `"${kind.endpoint}" is the same as one of ${other}`,
        fix,
      });
    }
    seen.set(key, other ?? path);
  }
}
