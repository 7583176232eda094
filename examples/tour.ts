import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { parseCredits } from "../src/domain/credits.ts";

const amount = z
  .union([z.number(), z.string()])
  .refine((value) => parseCredits(value) !== undefined, "an amount of credits with at most six decimals")
  .transform(String);

const call = z.strictObject({
  /** What this call shows, as a heading for people. */
  title: z.string().min(1),
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
  path: z.string().startsWith("/"),
  /** Credits to grant before the call, by credit type. */
  grant: z.record(z.string(), amount).default({}),
  /** The call is repeated as long as it answers with this status. */
  repeatOn: z.int().min(200).max(599).optional(),
  /** What later calls put in place of `{name}` in their paths: a JSON pointer into this call's answer. */
  keep: z.record(z.string().regex(/^[a-z]+$/), z.string().startsWith("/")).default({}),
  /** `{key}` in a value stands for the key that the starter created. */
  headers: z.record(z.string(), z.string()).default({}),
  /** Sent as JSON with `content-type: application/json`. */
  body: z.json().optional(),
  /** The status it answers with, so that a test can walk the tour. */
  expect: z.int().min(200).max(599),
  /** Response headers worth showing, in lower case. */
  show: z.array(z.string()).default([]),
});

const tour = z.strictObject({
  /** One line on what this provider's rules are. */
  title: z.string().min(1),
  account: z.string().min(1),
  /** A plan of the same folder's farebox.yaml to subscribe the account to. */
  plan: z.string().optional(),
  /** Credits to grant by credit type, as plain decimals. */
  grants: z.record(z.string(), amount),
  calls: z.array(call).min(1),
});

/** What `npm start` does with an example: the account it creates, the credits it grants and the calls it makes. */
export type Tour = z.infer<typeof tour>;

/** One call of a {@link Tour}. */
export type TourCall = z.infer<typeof call>;

/** Reads a tour from YAML text. Throws an error that names every wrong field. */
export function parseTour(text: string): Tour {
  const result = tour.safeParse(parse(text));
  if (!result.success) throw new Error(z.prettifyError(result.error));
  return result.data;
}

/** Reads `examples/<provider>/tour.yaml`. */
export function readTour(provider: string): Tour {
  return parseTour(readFileSync(new URL(`./${provider}/tour.yaml`, import.meta.url), "utf8"));
}

/** The call's path with what earlier calls kept filled in. */
export function computePath({ path }: TourCall, kept: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{([a-z]+)\}/g, (braced, name: string) => kept[name] ?? braced);
}

/** The call's headers with the key filled in, and the content type when it has a body. */
export function computeHeaders(tourCall: TourCall, key: string): Record<string, string> {
  const headers: Record<string, string> =
    tourCall.body === undefined ? {} : { "content-type": "application/json" };
  for (const [name, value] of Object.entries(tourCall.headers)) {
    headers[name] = value.replaceAll("{key}", key);
  }
  return headers;
}
