import type { Contract } from "../../contract/contract.ts";
import type { ExportKind } from "../../domain/export-kind.ts";
import type { Problem } from "../../domain/problem.ts";
import { type MatchPattern, parseMatchPattern } from "../../domain/routes/match-pattern.ts";
import { RouteTable } from "../../domain/routes/route-table.ts";
import type { ExportLinks } from "../../exports/export-links.ts";
import type { Exports } from "../../exports/exports.ts";

export type ExportJob = NonNullable<Awaited<ReturnType<Exports["read"]>>>;
type Listed = Extract<NonNullable<Awaited<ReturnType<Exports["files"]>>>, { readonly kind: "files" }>;
export type ExportPart = Listed["parts"][number];
export type ExportCreation = Awaited<ReturnType<Exports["create"]>>;

/** What the gateway answers exports with. */
export interface ExportOptions {
  readonly service: Exports;
  readonly kinds: readonly ExportKind[];
  /** Where the customer API answers; undefined when it is off. */
  readonly customerApi: string | undefined;
  readonly links: ExportLinks;
}

/** What a request wants of an export. */
export type ExportEndpoint =
  | {
      readonly kind: "create";
      readonly of: ExportKind;
      readonly params: Readonly<Record<string, string>>;
    }
  | { readonly kind: "files"; readonly exportId: string }
  | {
      readonly kind: "file";
      readonly exportId: string;
      readonly name: string;
      /** Below the customer API, where links are good. */
      readonly isLinkable: boolean;
    };

export interface ExportDoor extends ExportOptions {
  /** Undefined: it is no endpoint of exports. HEAD finds what GET would. */
  find(method: string, path: string): ExportEndpoint | undefined;
}

type Build = (params: Readonly<Record<string, string>>, rest: string) => ExportEndpoint;

/** Knows the endpoints of exports: those that create one, the contract's, and the downloads below the customer API. */
export function createExportDoor(
  options: ExportOptions,
  { filesMatch, fileMatch }: Pick<Contract["exports"], "filesMatch" | "fileMatch">,
): ExportDoor {
  const { customerApi } = options;
  // A price's match is as loose: `/V2/Exports/` must not be forwarded because `/v2/exports` is answered here.
  const creates = new RouteTable<ExportKind>(
    options.kinds.map((kind) => [readPattern(kind.endpoint), kind]),
    { exact: false, headAsGet: false },
  );
  const reads: (readonly [MatchPattern, Build])[] = [];
  const add = (match: string | undefined, build: Build): void => {
    if (match !== undefined) reads.push([readPattern(match), build]);
  };
  // A provider that has bulk jobs of its own answers these itself: they are forwarded and priced like any other.
  const isOwn = options.kinds.length > 0;
  add(isOwn ? filesMatch : undefined, ({ id = "" }) => ({ kind: "files", exportId: id }));
  add(isOwn ? fileMatch : undefined, ({ id = "" }, name) => ({
    kind: "file",
    exportId: id,
    name,
    isLinkable: false,
  }));
  add(
    customerApi === undefined ? undefined : `GET ${customerApi}/exports/{id}/files/*`,
    ({ id = "" }, name) => ({ kind: "file", exportId: id, name, isLinkable: true }),
  );
  const table = new RouteTable(reads, { exact: false, headAsGet: true });
  const beginnings = reads.map(([pattern]) => readBeginning(pattern));
  return {
    ...options,
    find(method, path) {
      if (method === "POST") {
        const found = creates.find(method, path);
        return found && { kind: "create", of: found.value, params: found.pathParams };
      }
      if (method !== "GET" && method !== "HEAD") return undefined;
      // Every request passes here, and nearly none is about exports.
      if (!beginnings.some((beginning) => beginsWith(path, beginning))) return undefined;
      const found = table.find(method, path);
      return found?.value(found.pathParams, readRest(found.pattern, path));
    },
  };
}

/** In any letter case, as the table compares. */
function beginsWith(path: string, beginning: string): boolean {
  return path.startsWith(beginning) || path.slice(0, beginning.length).toLowerCase() === beginning;
}

/** The literals before the first parameter, in lower case. */
function readBeginning({ segments }: MatchPattern): string {
  const parameter = segments.findIndex((segment) => "param" in segment);
  const literals = segments
    .slice(0, parameter)
    .map((segment) => ("literal" in segment ? segment.literal : ""));
  return `/${literals.join("/").toLowerCase()}`;
}

/** What `*` stands for: the segments behind the pattern's own, each decoded once. */
function readRest({ segments }: MatchPattern, path: string): string {
  return path
    .slice(1)
    .split("/")
    .slice(segments.length)
    .map((segment) => decodeURIComponent(segment))
    .join("/");
}

/** Configuration and contract have checked the pattern: one that cannot be read is a broken invariant. */
function readPattern(match: string): MatchPattern {
  const problems: Problem[] = [];
  const pattern = parseMatchPattern(match, "", problems);
  if (pattern === undefined) throw new TypeError(`${match}: ${problems[0]?.reason ?? ""}`);
  return pattern;
}
