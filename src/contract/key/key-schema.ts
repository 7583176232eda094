import { z } from "zod";
import { headerName } from "../contract-fields.ts";

/** The form of a place where a contract reads keys. */

const header = headerName.describe("The header that carries the key.");

const headerSource = z.strictObject({
  header,
  schemes: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9-]+$/, "is not an authentication scheme")
        .refine((scheme) => scheme.toLowerCase() !== "basic", {
          message: "holds a user name and a password, not a key",
          params: { fix: "write basic: user, or basic: password, in place of schemes" },
        }),
    )
    .min(1)
    .optional()
    .describe(
      "Authentication schemes before the key, in any letter case (`Bearer`). Without them the header's text is the key.",
    ),
});

const basicSource = z.strictObject({
  header,
  basic: z
    .enum(["user", "password"])
    .describe(
      "The header holds Basic credentials (RFC 7617), and the key is their user name or their password. The other part is not looked at.",
    ),
});

const querySource = z.strictObject({
  query: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, "is not a parameter's name of letters, digits, `.`, `_` and `-`")
    .describe(
      "The query parameter that carries the key. It is taken out of the query before anything else reads, logs or forwards it.",
    ),
});

export const keySource = z.union([headerSource, basicSource, querySource]);

export type KeySource = z.infer<typeof keySource>;
export type HeaderSource = Extract<KeySource, { header: string }>;
