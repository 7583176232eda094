import { z } from "zod";
import { duration } from "../option-types.ts";

/** A host's name, perhaps below any other: `https://*.example.com`. */
const BELOW = /^(https?:\/\/)\*\.(?=[^*]+$)/;

const ORIGIN_FIX = "write an origin without a path: https://app.example.com, https://*.example.com, or *";

/** As browsers write it in `Origin`: scheme, host, and the port where it is not the scheme's own. */
const origin = z.string().superRefine((text, context) => {
  if (text === "*") return;
  const plain = text.replace(BELOW, "$1");
  const isOrigin = /^https?:[^*]+$/.test(plain) && URL.canParse(plain) && new URL(plain).origin === plain;
  if (isOrigin) return;
  const message = `${JSON.stringify(text)} is not an origin`;
  context.addIssue({ code: "custom", message, params: { fix: ORIGIN_FIX } });
});

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, "is not a header's name")
  .meta({ fix: "write letters, digits and hyphens" });

/** Pages of other origins in browsers. */
export const corsOption = z
  .strictObject({
    origins: z.array(origin).min(1).max(100).meta({
      description:
        "Whose pages may call the API and read its answers: `https://app.example.com`, `https://*.example.com` for every host below it, or `*` for all.",
      reason: "Required: a browser lets no other page read an answer.",
      fix: ORIGIN_FIX,
    }),
    credentials: z.boolean().default(false).meta({
      description: "Whether pages may send cookies along (`Access-Control-Allow-Credentials`).",
      reason: "Off: keys travel in a header. Your own API may need it; then each origin must be named.",
      fix: "write true or false",
    }),
    exposeHeaders: z.array(headerName).max(100).default([]).meta({
      description:
        "Headers of your API that pages may read, besides those of the contract, which are always readable.",
      reason: "None. What the upstream exposes itself stays exposed.",
      fix: "write a list of names: [X-Total-Count]",
    }),
    maxAge: duration({
      default: "10m",
      min: "0s",
      max: "1d",
      description: "How long a browser may remember that a call is allowed before it asks again.",
      reason: "A change takes effect within it. Chromium caps it at two hours.",
    }),
  })
  .superRefine(({ origins, credentials }, context) => {
    if (!credentials || !origins.includes("*")) return;
    context.addIssue({
      code: "custom",
      path: ["origins"],
      message: "allows every origin, with cookies",
      params: { fix: "name the origins, or leave credentials out: any page could act as its visitor" },
    });
  })
  .optional()
  .meta({
    description: "Pages of other origins in browsers: what they may call and read (CORS).",
    reason:
      "None: browsers let no page of another origin read an answer, unless the upstream says so itself.",
    fix: "write at least the origins: cors: { origins: [https://app.example.com] }",
  });
