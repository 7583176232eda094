import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { accountBody } from "../src/api/wire/account.ts";
import { createdKey } from "../src/api/wire/key.ts";
import { grantBody } from "../src/api/wire/pool.ts";
import { portalLinkBody } from "../src/api/wire/portal-link.ts";
import { consoleLinkBody } from "../src/api/wire/session.ts";
import type { Cli } from "../src/cli/cli.ts";
import { createOperatorClient, type OperatorClient } from "../src/cli/operator/operator-client.ts";
import { type Served, serve } from "../src/cli/process/serve.ts";
import { createCli } from "../src/cli/run-cli.ts";
import { reportError } from "../src/cli/terminal/report-error.ts";
import { createTerminal } from "../src/cli/terminal/terminal.ts";
import { parseConfig } from "../src/config/load-config.ts";
import { FareboxError } from "../src/domain/farebox-error.ts";
import { buildConsole } from "./build-console.ts";
import { computeHeaders, readTour, type Tour, type TourCall } from "./tour.ts";

const PROVIDERS = ["coresignal", "crustdata", "leadboxer", "explorium"] as const;
type Provider = (typeof PROVIDERS)[number];

/** Ports that documents show; when one is taken, any free one does. */
const GATEWAY_PORT = 8080;
const OPERATOR_PORT = 8401;

const HOST = "127.0.0.1";

/** `npm start`: a provider's API over real data, Farebox in front of it, and an account that can call it. */
async function startExample(cli: Cli, name: string): Promise<void> {
  const provider = PROVIDERS.find((known) => known === name);
  if (provider === undefined) {
    throw new FareboxError("example_unknown", `There is no example ${name}.`, {
      detail: { fix: `Choose one of ${PROVIDERS.join(", ")}: npm start -- ${PROVIDERS[1]}` },
    });
  }
  const tour = readTour(provider);
  const { startUpstream } = await UPSTREAMS[provider]();
  const upstream = await startUpstream({ port: 0 });
  try {
    await serveExample(cli, provider, tour, upstream.url);
  } finally {
    await upstream.close();
  }
}

async function serveExample(cli: Cli, provider: Provider, tour: Tour, upstream: string): Promise<void> {
  await buildConsole(() => cli.terminal.out("Building the pages, once …\n"));
  const data = join(".farebox", provider);
  const served = await serve(cli, configFor(provider, upstream), {
    data,
    listen: { host: HOST, port: await findPort(GATEWAY_PORT) },
    operatorListen: { host: HOST, port: await findPort(OPERATOR_PORT) },
    logLevel: "warn",
  });
  try {
    const customer = await createCustomer(served, tour);
    cli.terminal.out(renderTour({ provider, tour, served, upstream, data, ...customer }));
  } catch (error) {
    await served.close();
    throw error;
  }
  await served.ended;
}

/** Loaded when chosen: each reads data of its own. */
const UPSTREAMS = {
  coresignal: () => import("./coresignal/upstream.ts"),
  crustdata: () => import("./crustdata/upstream.ts"),
  leadboxer: () => import("./leadboxer/upstream.ts"),
  explorium: () => import("./explorium/upstream.ts"),
};

/** The example's configuration with the address that its upstream really has. */
function configFor(provider: Provider, url: string): ReturnType<typeof parseConfig> {
  const path = join(import.meta.dirname, provider, "farebox.yaml");
  return parseConfig(path, readFileSync(path, "utf8").replace(/^upstream: .*$/m, `upstream: ${url}`));
}

/** The port if nothing listens there, else 0: any free one. */
async function findPort(port: number): Promise<number> {
  const probe = createServer();
  try {
    probe.listen(port, HOST);
    await once(probe, "listening");
    return port;
  } catch {
    return 0;
  } finally {
    probe.close();
  }
}

interface Customer {
  readonly account: string;
  readonly key: string;
  /** Paths of the pages, each with a link that signs in once. */
  readonly portal: string;
  readonly console: string;
}

/** A newcomer reads on before opening the pages. */
const LINK_SECONDS = 86_400;

async function createCustomer(served: Served, tour: Tour): Promise<Customer> {
  const operator: OperatorClient = createOperatorClient({
    url: served.operator,
    token: served.operatorToken.token,
    source: "this process",
  });
  const { id } = await operator.post("/v1/accounts", accountBody, { name: tour.account, plan: tour.plan });
  for (const [creditType, amount] of Object.entries(tour.grants)) {
    await operator.post(`/v1/accounts/${id}/grants`, grantBody, { creditType, amount });
  }
  const { key } = await operator.post(`/v1/accounts/${id}/keys`, createdKey, { name: "tour" });
  const link = { access: "manage", seconds: LINK_SECONDS };
  const { path } = await operator.post(`/v1/accounts/${id}/portal-links`, portalLinkBody, link);
  const { path: console } = await operator.post("/v1/console-links", consoleLinkBody, {
    seconds: LINK_SECONDS,
  });
  return { account: id, key, portal: path, console };
}

interface Shown extends Customer {
  readonly provider: Provider;
  readonly tour: Tour;
  readonly served: Served;
  readonly upstream: string;
  readonly data: string;
}

function renderTour(shown: Shown): string {
  const { provider, tour, served, account, key, data } = shown;
  const granted = Object.entries(tour.grants).map(([creditType, amount]) => `${amount} ${creditType}`);
  const plan = tour.plan === undefined ? [] : [`the plan ${tour.plan}`];
  const others = PROVIDERS.filter((other) => other !== provider).join(", ");
  return `
${provider}: ${tour.title}

  console       ${served.operator}${shown.console}
                what you see, the operator; open it in a browser: the link signs in once
  portal        ${served.gateway}${shown.portal}
                what the customer sees, in the same way
  upstream      ${shown.upstream}
  gateway       ${served.gateway}
  operator API  ${served.operator}
  account       ${account} (${tour.account}) with ${[...granted, ...plan].join(", ")}
  key           ${key}

Paste these, in order:

${tour.calls.map((call) => renderCall(call, shown)).join("\n\n")}

What happened to the account:

npx farebox entries ${account} --data ${data}
npx farebox balance ${account} --data ${data}
npx farebox audit --data ${data}

The other examples: npm start -- <provider>, one of ${others}. Ctrl+C stops this one.
`;
}

function renderCall(call: TourCall, { served, account, key, data }: Shown): string {
  const headers = Object.entries(computeHeaders(call, key)).map(
    ([name, value]) => ` -H ${quote(`${name}: ${value}`)}`,
  );
  const method = call.method === "GET" ? "" : ` -X ${call.method}`;
  const body = call.body === undefined ? "" : ` -d ${quote(JSON.stringify(call.body))}`;
  const curl = (flags: string): string =>
    `curl ${flags}${method} ${quote(served.gateway + call.path)}${headers.join("")}${body}`;
  const grants = Object.entries(call.grant).map(
    ([creditType, amount]) => `npx farebox grant ${account} ${amount} --credit ${creditType} --data ${data}`,
  );
  const [kept] = Object.entries(call.keep);
  const code = curl("-s -o /dev/null -w '%{http_code}'");
  const waits =
    call.repeatOn === undefined ? [] : [`while [ "$(${code})" = ${call.repeatOn} ]; do sleep 1; done`];
  const isFile = call.path.includes("{file}");
  const shown = isFile ? `${curl("-s")} | gunzip | head -c 400` : curl("-i");
  const lines = [
    `# ${call.title}`,
    ...grants,
    ...waits,
    kept === undefined ? shown : keep(kept, curl("-si")),
  ];
  return lines.join("\n");
}

/** Prints the answer, and keeps the text that the pointer's last name, or its list's first item, has. */
function keep([name, pointer]: readonly [string, string], command: string): string {
  const names = pointer.slice(1).split("/");
  const list = /^\d+$/.test(names.at(-1) ?? "");
  const before = `"${(list ? names.at(-2) : names.at(-1)) ?? ""}":${list ? "\\[" : ""}"`;
  return `${command} | tee /dev/stderr > answer.txt; ${name}=$(sed -n 's/.*${before}\\([^"]*\\)".*/\\1/p' answer.txt)`;
}

/** A word for the shell, whatever is in it. `{name}` is what an earlier call kept. */
function quote(text: string): string {
  const word = /^[\w:/.-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
  return word.replaceAll(/\{([a-z]+)\}/g, `'"$$$1"'`);
}

const terminal = createTerminal();
try {
  await startExample(createCli(terminal), process.argv[2] ?? PROVIDERS[0]);
} catch (error) {
  process.exitCode = reportError(terminal, error, false);
}
