import { z } from "zod";
import { amount, byteSize, count, duration, inOrder } from "../option-types.ts";
import { exportSourceOption } from "./export-source-schema.ts";
import { matchOption } from "./limit-schema.ts";

const route = z
  .strictObject({
    match: matchOption.meta({
      description:
        "The request that creates an export: `POST /v2/exports/{dataset}`. It is answered here, never forwarded.",
      reason: "Required.",
      fix: "write POST and a path: POST /v2/exports/companies",
    }),
    each: z
      .record(
        z.string(),
        z
          .array(z.string().regex(/^[A-Za-z0-9._~-]+$/, "is not a path segment"))
          .min(1)
          .max(100),
      )
      .default({})
      .meta({
        description:
          "Values of the match's parameters: `{ dataset: [company, person] }`. Each combination is an endpoint of its own, with its own line in usage and statement.",
        reason: "None: a parameter takes any value.",
      }),
    cost: amount.meta({ description: "Credits for one record.", reason: "Required." }),
    credit: z.string().optional().meta({
      description: "The credit type.",
      reason: "Left out: the only one. With several, it has to be said.",
    }),
    charge: z.enum(["completion", "listing"]).default("completion").meta({
      description:
        "When the records found are charged. `completion`: credits for the most it may have are set aside when it is created, and what was found is charged when it is done. `listing`: nothing is set aside; it is charged when its files are first listed.",
      reason: "`completion`: nobody waits for an export that cannot be paid.",
    }),
    duplicates: z.enum(["allow", "refuse"]).default("allow").meta({
      description: "Whether an account may have two unfinished exports of the same request.",
      reason: "`allow`: an `Idempotency-Key` is the usual protection.",
    }),
    maxRecords: count({
      default: 10_000,
      min: 1,
      max: 100_000_000,
      description:
        "The most records of one export. A request may ask for fewer; one that finds more without a limit of its own fails.",
      reason: "What vendors document.",
    }),
    formats: z
      .array(z.enum(["jsonl", "csv"]))
      .min(1)
      .max(2)
      .default(["jsonl"])
      .meta({
        description:
          "Formats to choose from: JSON Lines, CSV. The first is what a request gets that names none.",
        reason: "JSON Lines: it loses nothing.",
      }),
    columns: z
      .record(
        z.string().min(1).max(200),
        z.string().regex(/^(?:\/(?:[^~/]|~[01])*)+$/, "is not a JSON pointer"),
      )
      .default({})
      .meta({
        description:
          "Columns of CSV, in order: a name for the header, and where the record has it: `{ name: /name }`.",
        reason: "None: needed with `csv`.",
      }),
    formulas: z.enum(["disarm", "keep"]).default("disarm").meta({
      description:
        "Texts of CSV that a spreadsheet would take for a formula (they begin with `=`, `+`, `-`, `@`, a tab or a line break): with an apostrophe before them, or as they are.",
      reason:
        "`disarm`: records are other people's texts, and CSV is opened in spreadsheets. Programs read JSON Lines.",
    }),
    whenMore: z.enum(["fail", "stop"]).default("fail").meta({
      description:
        "What happens when a request without a limit of its own finds more than `maxRecords`: the export fails, free of charge, or stops there.",
      reason: "`fail`: nobody takes a part for the whole.",
    }),
    gzip: z.boolean().default(true).meta({
      description: "Whether files are compressed with gzip.",
      reason: "On: records are a tenth of their size.",
      fix: "write true or false",
    }),
    source: exportSourceOption,
  })
  .meta({ description: "One kind of export." });

const s3 = z
  .strictObject({
    bucket: z.string().min(1).meta({ description: "The bucket, which must exist.", reason: "Required." }),
    prefix: z
      .string()
      .regex(/^(?:[A-Za-z0-9._~-]+\/)*$/, "is not a prefix that ends in a slash")
      .default("")
      .meta({
        description: "What the objects' names begin with: `farebox/`.",
        reason: "None: the bucket is Farebox's own.",
      }),
    region: z
      .string()
      .default("us-east-1")
      .meta({ description: "The region.", reason: "What most compatible services expect." }),
    endpoint: z.string().optional().meta({
      description: "The service's address: `http://127.0.0.1:9000`.",
      reason: "Left out: Amazon's of the region.",
    }),
    pathStyle: z.boolean().default(false).meta({
      description: "Whether the bucket stands in the path instead of the host name.",
      reason: "Off, as at Amazon; most compatible services need it on.",
      fix: "write true or false",
    }),
    accessKeyId: z.string().optional().meta({
      description: "The access key: `${env:S3_ACCESS_KEY_ID}`.",
      reason: "Left out: what the environment and the machine's role say.",
    }),
    secretAccessKey: z.string().optional().meta({
      description: "Its secret: `${env:S3_SECRET_ACCESS_KEY}`.",
      reason: "Left out: what the environment and the machine's role say.",
    }),
  })
  .meta({
    description: "Any S3-compatible service. In all texts `${env:NAME}` is replaced.",
    reason: "Left out: the folder.",
  });

const storage = z
  .strictObject({
    folder: z.string().min(1).optional().meta({
      description: "A folder, from this file. All instances must see the same.",
      reason: "Left out: `exports` in the data directory.",
    }),
    s3: s3.optional(),
  })
  .refine(({ folder, s3: service }) => folder === undefined || service === undefined, {
    path: ["folder"],
    message: "does not go with s3",
    params: { fix: "keep one of the two" },
  })
  .prefault({})
  .meta({ description: "Where files are kept.", reason: "A folder: nothing to set up." });

/** Bulk exports, charged per record. */
export const exportsOption = z
  .strictObject({
    routes: z.array(route).max(100).default([]).meta({
      description:
        "The kinds of exports: which request creates one, what it costs and where its records come from.",
      reason: "None: there are no exports.",
    }),
    storage,
    partRecords: count({
      default: 10_000,
      min: 1,
      max: 1_000_000,
      description: "Records of one file.",
      reason: "Files of a few megabytes; what is lost when a process dies is at most one.",
    }),
    keep: duration({
      default: "30d",
      min: "1m",
      max: "365d",
      description: "How long files can be downloaded, from the charge on; then they are removed.",
      reason: "What vendors document.",
    }),
    links: duration({
      default: "1h",
      min: "1m",
      max: "7d",
      description: "How long a signed download link works.",
      reason: "Long enough for a slow download to begin; whoever has a link needs no key.",
    }),
    workers: count({
      default: 2,
      min: 0,
      max: 64,
      description: "Exports that one instance works on at a time; 0: it only answers for them.",
      reason: "They share the process with the gateway.",
    }),
    limits: z
      .strictObject({
        record: byteSize({
          default: "1MiB",
          min: "1KiB",
          max: "64MiB",
          description: "The largest record of a source.",
          reason: "Records are held in memory one by one.",
        }),
        total: byteSize({
          default: "10240MiB",
          min: "1MiB",
          max: "1048576MiB",
          description: "What all records of an export have before they are compressed.",
          reason: "A source without an end fails its export before it fills the storage.",
        }),
        time: duration({
          default: "24h",
          min: "1m",
          max: "30d",
          description: "How long an export may take, from its creation on.",
          reason: "A source that never answers does not keep credits set aside for ever.",
        }),
      })
      .superRefine(inOrder(["record", "total"]))
      .prefault({})
      .meta({ description: "What a source may do at most.", reason: "Every default below." }),
    perAccount: z
      .strictObject({
        worked: count({
          default: 1,
          min: 1,
          max: 64,
          description: "Exports of an account that are worked on at a time, over all instances.",
          reason: "The others wait their turn, and other accounts do not.",
        }),
        open: count({
          default: 10,
          min: 1,
          max: 1000,
          description: "Unfinished exports that an account may have.",
          reason: "One customer does not fill the queue of all.",
        }),
        kept: count({
          default: 1000,
          min: 1,
          max: 100_000,
          description: "Exports that an account may have, unfinished or with files.",
          reason: "Storage is not endless; a month of thirty a day.",
        }),
      })
      .superRefine(inOrder(["worked", "open"], ["open", "kept"]))
      .prefault({})
      .meta({ description: "What one account may have.", reason: "Every default below." }),
  })
  .prefault({})
  .meta({
    description: "Bulk exports, charged per record; see [exports](../guide/exports.md).",
    reason: "None: there are no exports.",
  });

export type ExportsFile = z.infer<typeof exportsOption>;
export type ExportRouteFile = z.infer<typeof route>;
