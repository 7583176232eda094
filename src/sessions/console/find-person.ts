import type { OidcConfig, OidcRoleRule } from "../../config/config.ts";
import type { Operator } from "../../domain/operator-role.ts";

/** Audit rows have it in every line. */
const MAX_NAME = 200;

/** What is no control character: a name is shown in terminals too. */
const PLAIN = /^[^\p{Cc}\p{Cf}]+$/u;

/** Why nobody was signed in. */
export interface Unknown {
  readonly code: "sign_in_refused" | "role_not_permitted" | "provider_unreachable";
  /** For the log. */
  readonly reason: string;
}

type Claims = Readonly<Record<string, unknown>>;

/**
 * Who a provider's claims say it is, with the role of the first rule that fits. An address that the provider has not verified is no
 * address: whoever may write it into an account of theirs could be anybody.
 */
export function findPerson(
  { person, roles }: Pick<OidcConfig, "person" | "roles">,
  claims: Claims,
): Operator | Unknown {
  const name = readClaim(claims, person);
  if (typeof name !== "string" || name.length > MAX_NAME || !PLAIN.test(name)) {
    return { code: "sign_in_refused", reason: `the claim ${person} is ${describeClaim(claims, person)}` };
  }
  const rule = roles.find((one) => fits(one, claims));
  if (rule === undefined) {
    return { code: "role_not_permitted", reason: `no rule of console.oidc.roles fits ${name}` };
  }
  return { actor: `person:${name}`, role: rule.role, limits: rule.limits ?? null };
}

function fits({ claim, value }: OidcRoleRule, claims: Claims): boolean {
  const read = readClaim(claims, claim);
  return Array.isArray(read) ? read.includes(value) : read === value;
}

function readClaim(claims: Claims, name: string): unknown {
  if (!Object.hasOwn(claims, name)) return undefined;
  return name === "email" && claims["email_verified"] !== true ? undefined : claims[name];
}

function describeClaim(claims: Claims, name: string): string {
  if (!Object.hasOwn(claims, name)) return "missing";
  if (name === "email" && claims["email_verified"] !== true) return "not verified";
  return "no plain text of at most 200 characters";
}
