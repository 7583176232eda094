import { z } from "zod";

const file = z.string().min(1).meta({ fix: "write a path from this file: certs/upstream-ca.pem" });

/** How an `https://` upstream is known, and how the gateway makes itself known to it. Files are read at the start. */
export const upstreamTlsOption = z
  .strictObject({
    ca: file.optional().meta({
      description:
        "The authorities in PEM that may have signed its certificate, in the place of the public ones.",
      reason: "Left out: those that Node knows.",
    }),
    cert: file.optional().meta({
      description: "The gateway's own certificate in PEM, for an upstream that asks for one; with `key`.",
      reason: "Left out: none is shown.",
    }),
    key: file.optional().meta({
      description: "Its private key in PEM, without a passphrase.",
      reason: "Left out: none is shown.",
    }),
    serverName: z
      .string()
      .regex(/^[A-Za-z0-9.-]+$/, "is not a host name")
      .optional()
      .meta({
        description: "The name that the upstream's certificate is for (SNI).",
        reason: "Left out: the host of its address.",
        fix: "write a host name: api.internal.example",
      }),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    error: "has a certificate without its key, or a key without its certificate",
    params: { fix: "write both cert and key, or neither" },
  })
  .optional()
  .meta({
    description: "How an `https://` upstream is known, and how the gateway makes itself known to it.",
    reason: "None: by the authorities that Node knows, and without a certificate of its own.",
    fix: "write paths from this file: tls: { ca: certs/upstream-ca.pem }",
  });
