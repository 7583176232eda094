import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { OPERATIONS } from "./operations.ts";
import { problemBody } from "./problem.ts";

const DESCRIPTION = `Holds and charges for APIs that serve their requests by themselves. Every request needs a token with the role \`meter\`.

Amounts are plain decimal numbers of credits with at most six decimals. What is not a success is a problem body (RFC 9457) with a
\`code\`; a refusal of a customer is none: it is a decision.`;

/** What every operation may answer instead. */
const FAILURES: Readonly<Record<number, string>> = {
  400: "The body is not JSON.",
  401: "The token is missing or wrong.",
  403: "The token has another role.",
  404: "There is no such hold.",
  409: "It was asked before with another content, or the hold was released.",
  410: "The hold is over.",
  413: "The body is too large.",
  422: "Fields are wrong: all of them are named.",
  500: "Something went wrong here.",
  503: "Ask the same again, after `Retry-After`.",
};

/** The OpenAPI 3.1 document, from the schemas that check the calls. */
export function describeSidecar(version: string): object {
  const app = new OpenAPIHono();
  app.openAPIRegistry.registerComponent("securitySchemes", "meterToken", { type: "http", scheme: "bearer" });
  for (const { name, path, summary, description, input, answer, answered } of OPERATIONS) {
    const failures = Object.entries(FAILURES).map(([status, text]) => [
      status,
      { description: text, content: { "application/problem+json": { schema: problemBody } } },
    ]);
    app.openAPIRegistry.registerPath(
      createRoute({
        method: "post",
        path,
        operationId: name,
        tags: ["holds"],
        summary,
        description,
        security: [{ meterToken: [] }],
        request: { body: { required: true, content: { "application/json": { schema: input } } } },
        responses: {
          200: { description: answered, content: { "application/json": { schema: answer } } },
          ...Object.fromEntries(failures),
        },
      }),
    );
  }
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Farebox sidecar",
      version,
      description: DESCRIPTION,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "/", description: "The sidecar's listener of this instance." }],
    tags: [{ name: "holds", description: "From the decision about a request to its charge." }],
  });
}
