import { z } from "zod";
import { isLoopbackHost } from "../../domain/sessions/browser-request.ts";
import { amount, inOrder } from "../option-types.ts";

const MAX_RULES = 50;

/** Plain HTTP is for a provider on this machine: elsewhere whoever is on the wire would be anybody. */
function isIssuer(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.search !== "" || url.hash !== "" || url.username !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopbackHost(url.host));
}

function isOrigin(text: string): boolean {
  return isIssuer(text) && new URL(text).origin === text;
}

const claim = z
  .string()
  .min(1)
  .max(200)
  .meta({ fix: "write the name of a claim: email, groups, preferred_username" });

const roleRule = z
  .strictObject({
    role: z.enum(["read", "support", "admin"]).meta({
      description: "What such a person may do.",
      reason: "Required.",
      fix: "write read, support or admin",
    }),
    claim: claim.meta({ description: "The claim that decides.", reason: "Required." }),
    value: z.string().min(1).max(500).meta({
      description: "What it must be, or, where it is a list, what must be in it. Letter case counts.",
      reason: "Required.",
      fix: "write the whole value: farebox-admins",
    }),
    limits: z
      .strictObject({
        each: amount.meta({
          description: "The most credits that one grant, refund or released hold may give.",
          reason: "Required.",
        }),
        day: amount.meta({
          description: "The most that all of one day of UTC may give.",
          reason: "Required.",
        }),
      })
      .superRefine(inOrder(["each", "day"]))
      .optional()
      .meta({
        description: "Of `support`: how many credits such a person may give.",
        reason: "Required for `support`; the other roles have none.",
        fix: "write limits: { each: 100, day: 1000 }",
      }),
  })
  .refine(({ role, limits }) => (role === "support") === (limits !== undefined), {
    error: "has limits and is not support, or is support without limits",
    params: { fix: "write limits: { each: 100, day: 1000 } with support, and with no other role" },
  });

/** How operators sign in to the console with an account of an identity provider. */
export const oidcOption = z
  .strictObject({
    name: z.string().min(1).max(60).meta({
      description: "What the sign-in page calls the provider: `Sign in with …`.",
      reason: "Required.",
      fix: "write the name that people know: Example SSO",
    }),
    issuer: z.string().refine(isIssuer, "is no https address").meta({
      description:
        "The provider's issuer address, below which it answers `/.well-known/openid-configuration`. `http` on this machine only.",
      reason: "Required.",
      fix: "write https:// and the issuer: https://login.example.com",
    }),
    clientId: z.string().min(1).max(500).meta({
      description: "The id under which Farebox is registered there, as a web application.",
      reason: "Required.",
      fix: "write the client id that the provider shows",
    }),
    clientSecret: z.string().min(1).max(2000).meta({
      description: "Its secret: `${env:OIDC_SECRET}`.",
      reason: "Required: only this server gets to know who signed in.",
      fix: "write ${env:OIDC_SECRET} and set the variable",
    }),
    origin: z.string().refine(isOrigin, "is no origin").optional().meta({
      description:
        "How browsers reach the operator listener: `https://farebox.example.com`. Register this with the console's path and `/oidc/callback` behind it as the redirect address.",
      reason: "Left out: `http://` and the host of each request, which is right on this machine only.",
      fix: "write an origin without a path: https://farebox.example.com",
    }),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "is no scope"))
      .min(1)
      .max(20)
      .default(["openid", "email"])
      .refine((scopes) => scopes.includes("openid"), "lacks openid")
      .meta({
        description: "What is asked of the provider. Some tell groups only with a scope of their own.",
        reason: "Who it is, and the address.",
        fix: "write a list with openid in it: [openid, email, groups]",
      }),
    person: claim.default("email").meta({
      description:
        "The claim by which audit rows name a person: `person:ada@example.com`. `email` counts only when `email_verified` is true, here and in `roles`.",
      reason: "What people know of each other.",
    }),
    roles: z.array(roleRule).min(1).max(MAX_RULES).meta({
      description: "Who may do what: the first rule that fits decides. Whom none fits is not let in.",
      reason: "Required: an account at the provider alone opens nothing.",
      fix: "write roles: [{ role: admin, claim: groups, value: farebox-admins }]",
    }),
  })
  .optional()
  .meta({
    description:
      "Operators sign in with their account at an OpenID Connect provider, besides tokens and links.",
    reason: "None: by tokens and links.",
    fix: "write name, issuer, clientId, clientSecret and roles",
  });
