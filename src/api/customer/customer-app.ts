import { type Hook, OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AccountRequest } from "../../contract/account-endpoint.ts";
import type { Contract } from "../../contract/contract.ts";
import type { Refusal } from "../../domain/refusal.ts";
import { listAllowedMethods } from "../list-allowed-methods.ts";
import { fieldProblems, refuseFields } from "../problem.ts";
import { refuseUnknown } from "../refuse-unknown.ts";
import { refusalOfError } from "./refusal-of-error.ts";

/** What every request of the customer API carries. */
export interface CustomerEnv {
  readonly Bindings: {
    readonly caller: AccountRequest;
    /** What the answer is, besides. */
    readonly told: { refusal: Refusal | undefined };
  };
}

/** The app that operations are added to. */
export type CustomerApp = OpenAPIHono<CustomerEnv>;

/** An app without operations: how every error looks. Who may call it, and how often, the gateway has decided. */
export function createCustomerApp(contract: Pick<Contract, "renderRefusal">): CustomerApp {
  const app: CustomerApp = new OpenAPIHono<CustomerEnv>({ defaultHook: refuseInvalid, strict: true });
  const refuse = (context: Context<CustomerEnv>, refusal: Refusal): Response => {
    context.env.told.refusal = refusal;
    const { status, headers, body } = contract.renderRefusal(refusal, context.env.caller.context);
    return new Response(body, { status, headers: headers.map(([name, value]) => [name, value]) });
  };
  app.use("*", async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
  });
  app.use("*", refuseUnknown(app));
  app.notFound((context) => refuse(context, findRefusal(app, context.req.path)));
  app.onError((error, context) => {
    const refusal = refusalOfError(error);
    // The gateway answers what is no refusal, as it does everywhere: 503 or 500, and the log.
    if (refusal === undefined) throw error;
    return refuse(context, refusal);
  });
  return app;
}

const refuseInvalid: Hook<unknown, CustomerEnv, string, unknown> = (result) => {
  if (!result.success) refuseFields(fieldProblems(result.error));
};

/** 405 where the path exists under another method, 404 elsewhere. */
function findRefusal(app: CustomerApp, path: string): Refusal {
  const allowed = listAllowedMethods(app, path);
  return allowed.length === 0 ? { code: "route_unknown" } : { code: "method_not_allowed", allowed };
}
