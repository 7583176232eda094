import { z } from "zod";
import type { TemplateProblem } from "./template.ts";

/** What several parts of a contract file are made of. */

export const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "is not a header's name")
  .meta({ fix: "write a header's name of letters, digits and hyphens" });

export const headerTemplates = z
  .record(headerName, z.string())
  .superRefine((written, context) => {
    const names = new Set<string>();
    for (const name of Object.keys(written)) {
      const message = `the header ${name} is written twice: letter case does not matter`;
      if (names.has(name.toLowerCase()))
        context.addIssue({ code: "custom", path: [name], message, params: { fix: "remove one of the two" } });
      names.add(name.toLowerCase());
    }
  })
  .describe("Headers: name to text. Placeholders are allowed in the text.");

/** Any JSON value whose text leaves may hold placeholders. */
export const jsonTemplate = z
  .json()
  .describe("A JSON value. Text leaves may hold placeholders; one placeholder alone keeps its type.");

const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?: *; *${TOKEN}=(?:${TOKEN}|"[ !#-\\[\\]-~]*"))*$`);

export const contentType = z
  .string()
  .regex(MEDIA_TYPE, "is not a media type")
  .meta({ description: "The answer's Content-Type.", fix: "write it like application/problem+json" });

/** Where an endpoint reads one of its inputs. */
export const requestField = z.union([
  z.strictObject({
    body: z
      .string()
      .regex(/^\/[^/]+$/, "is not a JSON pointer to a member: /from_date")
      .describe("A JSON pointer to a member of the body: `/from_date`."),
  }),
  z.strictObject({ query: z.string().min(1).describe("A query parameter's name.") }),
]);

/** Where an endpoint that Farebox answers itself reads one of its inputs. */
export const ownField = z.union([
  ...requestField.options,
  z.strictObject({
    path: z
      .string()
      .min(1)
      .describe("A `{name}` of the endpoint's match; a slash in it is sent as `%2F` (`Europe%2FBerlin`)."),
  }),
  z.strictObject({ header: headerName.describe("A header.") }),
]);

const wordIn = <Word extends string, In extends z.ZodType>(
  meanings: readonly [Word, ...Word[]],
  field: In,
  without: string,
) =>
  z.strictObject({
    in: field,
    words: z
      .record(z.string().min(1), z.enum(meanings))
      .refine((words) => Object.keys(words).length > 0, {
        message: "has no word, so no request would be right",
        params: { fix: `write the API's words: { ${meanings[0]}: ${meanings[0]} }` },
      })
      .describe(
        `What each word of the API means: one of ${meanings.map((word) => `\`${word}\``).join(", ")}.`,
      ),
    default: z.string().min(1).optional().describe(`The word when there is none. Default: ${without}.`),
  });

/** A word of the API, wherever an endpoint of Farebox itself reads it. */
export const ownWordField = <Word extends string>(meanings: readonly [Word, ...Word[]]) =>
  wordIn(
    meanings,
    ownField.describe("Where the word stands: `{ body: /mode }`, `{ query: mode }` or `{ path: mode }`."),
    "one is needed",
  );

/** A word of the API. `without`: what a request means that has none, when the contract gives no default. */
export const wordField = <Word extends string>(
  meanings: readonly [Word, ...Word[]],
  without = "one is needed",
) =>
  wordIn(
    meanings,
    requestField.describe("Where the word stands: `{ body: /mode }` or `{ query: mode }`."),
    without,
  );

/** A default that is no word would refuse every request that leaves the word out. */
export function checkDefaultWord(
  {
    default: word,
    words,
  }: { readonly words: Readonly<Record<string, unknown>>; readonly default?: string | undefined },
  path: TemplateProblem["path"],
  problems: TemplateProblem[],
): void {
  if (word === undefined || Object.hasOwn(words, word)) return;
  const fix = `write one of ${Object.keys(words).join(", ")}`;
  problems.push({ path, reason: `"${word}" is none of the words`, fix });
}
