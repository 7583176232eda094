import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExportStorageTarget } from "../../domain/export-kind.ts";

export interface S3Server {
  readonly target: Extract<ExportStorageTarget, { readonly kind: "s3" }>;
  close(): Promise<void>;
}

/** It has no types of its own. */
type S3rver = new (options: {
  readonly address: string;
  readonly port: number;
  readonly silent: boolean;
  readonly directory: string;
  readonly configureBuckets: readonly { readonly name: string; readonly configs: readonly string[] }[];
}) => { run(): Promise<{ readonly port: number }>; close(): Promise<void> };

const BUCKET = "exports";

/** An S3 server on loopback, with an empty bucket. Its one user is the documented one of s3rver. */
export async function startS3(): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), "farebox-s3-"));
  const require = createRequire(import.meta.url);
  const Server: S3rver = require("s3rver");
  const server = new Server({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: BUCKET, configs: [] }],
  });
  const { port } = await server.run();
  return {
    target: {
      kind: "s3",
      endpoint: `http://127.0.0.1:${port}`,
      region: "us-east-1",
      bucket: BUCKET,
      prefix: "farebox/",
      pathStyle: true,
      credentials: { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" },
    },
    close: async () => {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
