import { z } from "zod";
import { count } from "../option-types.ts";

const fileFix = "write a path from this file: certs/api.pem";

/** Files in PEM. Their contents are read when the gateway starts: other commands need none of them. */
const file = z.string().min(1).meta({ fix: fileFix });

/** The listener's certificate. */
export const tlsOption = z
  .strictObject({
    cert: file.meta({
      description:
        "The certificate in PEM, followed by those between it and its root; a path from this file. A changed file is used within 10 s.",
      reason: "Required in this form.",
    }),
    key: file.meta({
      description: "Its private key in PEM, without a passphrase; a path from this file.",
      reason: "Required in this form.",
    }),
    maxStreams: count({
      default: 100,
      min: 1,
      max: 10_000,
      description: "Requests that one HTTP/2 connection may have in flight.",
      reason: "What the standard recommends at least (RFC 9113); more wait at the client.",
    }),
  })
  .optional()
  .meta({
    description:
      "The listener's certificate: it then speaks TLS, and HTTP/2 and HTTP/1.1 as the client chooses.",
    reason: "None: plain HTTP/1.1, behind a proxy that ends TLS.",
    fix: "write cert and key: tls: { cert: certs/api.pem, key: certs/api.key }",
  });
