import { hash } from "node:crypto";
import type { AccountAnswer, AccountEndpoints, AccountRequest } from "../../contract/account-endpoint.ts";
import type { RenderedAnswer } from "../../contract/contract.ts";
import { listAllowedMethods } from "../list-allowed-methods.ts";
import { addGetBalances } from "./account/get-balances.ts";
import { addGetCall } from "./account/get-call.ts";
import { addGetOverview } from "./account/get-overview.ts";
import { addGetPermissions } from "./account/get-permissions.ts";
import { addGetUsage } from "./account/get-usage.ts";
import { addListEntries } from "./account/list-entries.ts";
import { type CustomerApp, type CustomerEnv, createCustomerApp } from "./customer-app.ts";
import type { CustomerServices } from "./customer-services.ts";
import { addCancelExport } from "./exports/cancel-export.ts";
import { describeDownload } from "./exports/describe-download.ts";
import { addGetExport } from "./exports/get-export.ts";
import { addListExportFiles } from "./exports/list-export-files.ts";
import { addListExports } from "./exports/list-exports.ts";
import { addCreateKey } from "./keys/create-key.ts";
import { addListKeys } from "./keys/list-keys.ts";
import { addRevokeKey } from "./keys/revoke-key.ts";
import { addRotateKey } from "./keys/rotate-key.ts";
import { addUpdateKey } from "./keys/update-key.ts";
import { addListPrices } from "./prices/list-prices.ts";
import { addQuote } from "./prices/quote.ts";

const OPERATIONS = [
  addGetOverview,
  addGetBalances,
  addGetUsage,
  addListEntries,
  addGetCall,
  addGetPermissions,
  addListPrices,
  addQuote,
  addListExports,
  addGetExport,
  addListExportFiles,
  addCancelExport,
  describeDownload,
  addListKeys,
  addCreateKey,
  addUpdateKey,
  addRotateKey,
  addRevokeKey,
] as const;

/** The request's headers that operations read. No other reaches them. */
const HEADERS = ["accept", "content-type", "idempotency-key"] as const;

/** The customer API as the gateway serves it. */
export interface CustomerApi extends AccountEndpoints {
  /** With every operation, for what reads its routes. */
  readonly app: CustomerApp;
}

/** The customer API with all its operations, and its OpenAPI 3.1 document at `{prefix}/openapi.json`, which needs no key. */
export function createCustomerApi(services: CustomerServices): CustomerApi {
  const { path: prefix } = services.config.customerApi;
  const app = createCustomerApp(services.contract);
  for (const add of OPERATIONS) add(app, services);
  const document = renderDocument(app, services);
  return {
    app,
    covers: (path) => path.startsWith(`${prefix}/`),
    findOpen: (method, path) =>
      method === "GET" && path === `${prefix}/openapi.json` ? document : undefined,
    listMethods: (path) =>
      path === `${prefix}/openapi.json` ? ["GET", "HEAD"] : withHead(listAllowedMethods(app, path)),
    isForEveryKey: (method, path) =>
      (method === "GET" || method === "HEAD") && path === `${prefix}/permissions`,
    answer(request) {
      const { keyText } = request;
      const keyHashHex = hash("sha256", services.config.keys.forms.hashedText(keyText), "hex");
      return answer(app, { ...request, keyHashHex });
    },
  };
}

/** What answers GET answers HEAD. */
function withHead(methods: readonly string[]): readonly string[] {
  return methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
}

/** The document says nothing of any account, so tools may read it without a key. It is the same for as long as we run. */
function renderDocument(app: CustomerApp, services: CustomerServices): RenderedAnswer {
  const { in: place, name, scheme } = services.contract.keyPlace;
  app.openAPIRegistry.registerComponent(
    "securitySchemes",
    "key",
    name === "authorization" && scheme !== undefined
      ? { type: "http", scheme }
      : { type: "apiKey", in: place, name },
  );
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Customer API",
      version: services.version,
      description:
        "Your account: balances, usage, statement, prices, quotes, exports and keys. Free, with any key of the account.",
    },
  });
  const headers = [
    ["Content-Type", "application/json"],
    ["Cache-Control", "no-store"],
  ] as const;
  return { status: 200, headers, body: JSON.stringify(document) };
}

/** No socket: the request is handed on as a value, and the answer comes back as one. */
async function answer(app: CustomerApp, caller: AccountRequest): Promise<AccountAnswer> {
  const headers = new Headers();
  for (const name of HEADERS) {
    const value = caller.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  const body = caller.method === "GET" ? null : caller.body;
  const request = new Request(`http://account${caller.path}${caller.query}`, {
    method: caller.method,
    headers,
    body,
  });
  const told: CustomerEnv["Bindings"]["told"] = { refusal: undefined };
  const response = await app.fetch(request, { caller, told });
  return {
    refusal: told.refusal,
    status: response.status,
    headers: [...response.headers],
    body: isInParts(response) ? decode(response.body) : await response.text(),
  };
}

/** Statements may be long: they are written as they are read. Everything else is small. */
function isInParts(response: Response): response is Response & { body: ReadableStream<Uint8Array> } {
  return response.body !== null && (response.headers.get("content-type") ?? "").startsWith("text/csv");
}

async function* decode(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const part of body) yield decoder.decode(part, { stream: true });
  yield decoder.decode();
}
