import { dirname, resolve } from "node:path";
import type { ContractFile } from "../contract/contract-schema.ts";
import { readTextFile } from "../contract/file/read-text-file.ts";
import { type FileProblem, problemsError } from "../contract/file-problem.ts";
import { isContractPath, readContract } from "../contract/load-contract.ts";
import { findLostDigits } from "../contract/lost-digits.ts";
import { parseBySchema } from "../contract/schema-problems.ts";
import { parsePath, parseYamlDocument, type YamlDocument } from "../contract/yaml-document.ts";
import { isJsonObject } from "../domain/json/json-value.ts";
import type { PriceParseOptions } from "../domain/prices/parse/parse-price.ts";
import type { Problem } from "../domain/problem.ts";
import { buildExports } from "./build-exports.ts";
import { buildKeys } from "./build-keys.ts";
import { buildLimits, buildPlans } from "./build-plans.ts";
import { buildPortal } from "./build-portal.ts";
import { buildUpstreams } from "./build-upstreams.ts";
import { checkCreditTypes, checkCustomerApi, checkKeyPrefix, checkShownTypes } from "./check-config.ts";
import { checkExports } from "./check-exports.ts";
import { checkPrices, type PriceSurroundings } from "./check-prices.ts";
import { checkMatches } from "./check-reach.ts";
import type { Config, GatewayLimits, ListenerConfig } from "./config.ts";
import { readPriceSource } from "./price-source.ts";
import { type ConfigFile, configSchema } from "./schema.ts";
import {
  type EnvironmentVariables,
  findOtherReferences,
  substituteSecrets,
} from "./substitute-environment.ts";

/**
 * Reads farebox.yaml. Throws FareboxError `config_invalid` whose `detail.problems` lists everything that is wrong with the file,
 * its prices, its contract and the environment variables it names, each with path, line, reason and fix.
 */
export function loadConfig(path: string, variables: EnvironmentVariables = process.env): Config {
  const text = readTextFile(path);
  if (text instanceof Error) {
    const fix = "check the path and its permissions; name another file with --config";
    const problem = {
      file: path,
      path: "",
      line: undefined,
      reason: `cannot be read: ${text.message}`,
      fix,
    };
    throw problemsError("config_invalid", "The configuration", [problem]);
  }
  return parseConfig(path, text, variables);
}

/** As {@link loadConfig}, from a text. `path` names the file in messages and is where a contract's path starts. */
export function parseConfig(
  path: string,
  text: string,
  variables: EnvironmentVariables = process.env,
): Config {
  const document = parseYamlDocument(path, text);
  if (!("value" in document)) throw problemsError("config_invalid", "The configuration", document);
  const unset: Problem[] = [];
  findOtherReferences(document.value, "", unset);
  const filled = { ...document, value: substituteSecrets(document.value, variables, unset) };
  const parsed = parseBySchema(filled, configSchema);
  const problems: FileProblem[] = "problems" in parsed ? [...parsed.problems] : [];
  const config = buildConfig(readSections(filled), filled, problems);
  const lost = findLostDigits(document);
  const isOther = ({ file, path: place }: FileProblem): boolean =>
    !lost.some((number) => number.file === file && number.path === place);
  const all = dropFollowers(
    [...unset.map((problem) => placeProblem(problem, document)), ...lost, ...problems.filter(isOther)],
    unset,
  );
  if (all.length > 0) throw problemsError("config_invalid", "The configuration", sortByLine(all, path));
  return config;
}

/** Options that are wrong are read as if they were left out: one mistake must not hide those in other options. */
function readSections(document: YamlDocument): ConfigFile {
  const written = new Map<string, unknown>(
    isJsonObject(document.value) ? Object.entries(document.value) : [],
  );
  // Exports name one of the upstreams.
  const kept: Record<string, unknown> = written.has("upstream") ? { upstream: "http://wrong.invalid" } : {};
  for (const [name, schema] of Object.entries(configSchema.shape)) {
    if (schema.safeParse(written.get(name)).success) kept[name] = written.get(name);
  }
  return configSchema.parse(kept);
}

function buildConfig(file: ConfigFile, document: YamlDocument, all: FileProblem[]): Config {
  const problems: Problem[] = [];
  checkCreditTypes(file.creditTypes, problems);
  checkKeyPrefix(file.keys.prefix, problems);
  const keys = buildKeys(file.keys, problems);
  const source = readPriceSource(file.prices, document, {
    creditTypes: file.creditTypes,
    ...priceContext(file, document.value),
  });
  const { prices } = source;
  checkMatches(file, problems);
  if (file.customerApi.enabled) checkCustomerApi(file.customerApi.path, file.open, problems);
  const upstreams = buildUpstreams(file.upstream, document.file, problems);
  const plans = buildPlans(file.plans, file.creditTypes, problems);
  const { creditTypes } = file;
  const exports = buildExports(file.exports, { file: document.file, creditTypes, upstreams, problems });
  const portal = buildPortal(file, prices, document.file, problems);
  const contract = locateContract(file.contract, document.file);
  const read = readContract(contract);
  const around = surroundingsOf(file, { upstreams, exports, plans });
  checkPrices(prices, around, "file" in read ? read.file : undefined, problems);
  all.push(...checkContractFile(read, file, document, problems));
  all.push(...source.problems);
  for (const problem of problems) {
    const isOfPrice = problem.path.startsWith("prices[");
    all.push(isOfPrice ? source.place(problem) : placeProblem(problem, document));
  }
  return {
    upstreams,
    contract,
    creditTypes: file.creditTypes,
    prices,
    unpriced: file.unpriced,
    open: file.open,
    limits: buildLimits(file.limits),
    plans,
    keys,
    customerApi: nameCustomerApi(file.customerApi),
    portal,
    console: file.console,
    sessions: nameSessions(file.sessions),
    exports,
    gateway: { ...nameLimits(file.gateway), ...nameListener(file.gateway, document.file) },
    sidecar: nameSidecar(file.sidecar),
    idempotency: {
      keepHours: Math.ceil(file.idempotency.keep / 3_600_000),
      maxBodyBytes: file.idempotency.maxBody,
    },
    workers: file.workers,
    leases: { idleMs: file.leases.idle, deadAfterMs: file.leases.deadAfter },
    shards: file.shards,
  };
}

function surroundingsOf(
  { creditTypes, open, customerApi, limits }: ConfigFile,
  built: Pick<Config, "upstreams" | "exports" | "plans">,
): PriceSurroundings {
  const named = { customerApi: nameCustomerApi(customerApi), limits: buildLimits(limits) };
  return { creditTypes, open, ...named, ...built };
}

/** What prices may speak of. Of options that are wrong themselves prices are not blamed: plans have the names that are written. */
function priceContext(file: ConfigFile, written: unknown): Pick<PriceParseOptions, "plans" | "unpriced"> {
  const { plans, unpriced } = isJsonObject(written) ? written : {};
  const isRead = unpriced === undefined || unpriced === file.unpriced;
  return {
    plans: Object.keys(isJsonObject(plans) ? plans : file.plans),
    unpriced: isRead ? file.unpriced : undefined,
  };
}

/** A contract's path starts at the configuration's folder, wherever Farebox was started. */
function locateContract(nameOrPath: string, configFile: string): string {
  return isContractPath(nameOrPath) ? resolve(dirname(configFile), nameOrPath) : nameOrPath;
}

function checkContractFile(
  read: ReturnType<typeof readContract>,
  file: ConfigFile,
  document: YamlDocument,
  problems: Problem[],
): readonly FileProblem[] {
  if ("file" in read) {
    checkShownTypes(read.file, file.creditTypes, problems);
    const answered = {
      contract: read.file.endpoints.map(({ match }) => match),
      open: file.open,
      customerApi: file.customerApi.enabled ? file.customerApi.path : undefined,
      format: readUsualFormat(read.file),
      files: [read.file.exports?.files, read.file.exports?.file].flatMap((own) => own?.match ?? []),
    };
    checkExports(file.exports.routes, answered, problems);
    return [];
  }
  return read.problems.map((problem) =>
    problem.file === undefined ? placeProblem(problem, document) : problem,
  );
}

function readUsualFormat({ exports }: ContractFile): "jsonl" | "csv" | undefined {
  const { default: word, words = {} } = exports?.request.format ?? {};
  return word === undefined ? undefined : words[word];
}

function nameSessions({ hosts, idle, longest }: ConfigFile["sessions"]): Config["sessions"] {
  return { hosts, idleSeconds: Math.ceil(idle / 1_000), longestSeconds: Math.ceil(longest / 1_000) };
}

function nameSidecar({ listen, hold, counted }: ConfigFile["sidecar"]): Config["sidecar"] {
  return { listen: listen === undefined ? undefined : nameListen(listen), holdMs: hold, counted };
}

function nameListen(listen: string): NonNullable<Config["sidecar"]["listen"]> {
  if (listen.startsWith("unix:")) return { path: listen.slice("unix:".length) };
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(listen.slice(colon + 1)) };
}

function nameCustomerApi({ per, ...rest }: ConfigFile["customerApi"]): Config["customerApi"] {
  return { ...rest, windowSeconds: per };
}

function nameListener(gateway: ConfigFile["gateway"], file: string): ListenerConfig {
  const { tls, cors, drainDelay, trustedProxies, proxyHeader } = gateway;
  const locate = (path: string): string => resolve(dirname(file), path);
  return {
    tls: tls && { ...tls, cert: locate(tls.cert), key: locate(tls.key) },
    cors: cors && nameCors(cors),
    drainDelayMs: drainDelay,
    trustedProxies,
    proxyHeader,
  };
}

function nameCors({
  maxAge,
  ...rest
}: NonNullable<ConfigFile["gateway"]["cors"]>): NonNullable<ListenerConfig["cors"]> {
  return { ...rest, maxAgeSeconds: Math.floor(maxAge / 1_000) };
}

function nameLimits(gateway: ConfigFile["gateway"]): GatewayLimits {
  return {
    maxHeaderBytes: gateway.maxHeaderSize,
    maxHeaderCount: gateway.maxHeaderCount,
    maxRequestBodyBytes: gateway.maxRequestBody,
    maxBufferedResponseBytes: gateway.maxBufferedResponse,
    maxBufferedBytes: gateway.maxBuffered,
    maxConcurrentPerAccount: gateway.maxConcurrentPerAccount,
    maxSocketsPerIp: gateway.maxSocketsPerIp,
    maxDetachedCalls: gateway.maxDetachedCalls,
    headersTimeoutMs: gateway.headersTimeout,
    requestTimeoutMs: gateway.requestTimeout,
    idleSocketMs: gateway.idleSocket,
    writeStallMs: gateway.writeStall,
    drainMs: gateway.drain,
  };
}

function placeProblem(problem: Problem, document: YamlDocument): FileProblem {
  const { path, reason, fix } = problem;
  return { file: document.file, line: document.lineOf(parsePath(path)), path, reason, fix };
}

/**
 * Leaves out what only follows from another problem: what options say of credit types that are wrong themselves, and what a
 * variable that is not set, or not read there, makes of its option.
 */
function dropFollowers(problems: readonly FileProblem[], unset: readonly Problem[]): readonly FileProblem[] {
  const wrongTypes = problems.some((problem) => problem.path.startsWith("creditTypes"));
  const unsetPaths = new Set(unset.map(({ path }) => path));
  return problems.filter((problem) => {
    if (wrongTypes && problem.path.endsWith(".credit")) return false;
    const isOfVariable = unset.some(({ path, reason }) => path === problem.path && reason === problem.reason);
    return isOfVariable || !unsetPaths.has(problem.path);
  });
}

/** In the order in which a person meets them when reading the file; those of other files come last. */
function sortByLine(problems: readonly FileProblem[], file: string): readonly FileProblem[] {
  const rank = (problem: FileProblem): number =>
    problem.file === file ? (problem.line ?? 0) : Number.MAX_SAFE_INTEGER;
  return problems.toSorted((one, other) => rank(one) - rank(other));
}
