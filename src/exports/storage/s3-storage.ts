import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { ExportStorageTarget } from "../../domain/export-kind.ts";
import { checkName, type ExportStorage, type ObjectWriter, storageFailed, storageFull } from "./storage.ts";

/**
 * So much of an object is held in memory before it is sent; S3 wants at least 5 MiB of every piece but the last, and takes 10,000
 * of them: an object of up to 78 GiB.
 */
const PIECE_BYTES = 8 * 1024 * 1024;

/** The SDK's own, with pauses between them. */
const ATTEMPTS = 4;

/** What services answer when there is no more room. */
const FULL = new Set(["XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "StorageQuotaExceeded"]);

type S3Target = Extract<ExportStorageTarget, { readonly kind: "s3" }>;

/** Parts as objects of a bucket. An object of S3 is there whole or not at all. */
export function openS3Storage({ bucket, prefix, ...target }: S3Target): ExportStorage {
  const client = createClient(target);
  const keyOf = (object: string): string => `${prefix}${checkName(object)}`;
  return {
    create: (object) => Promise.resolve(new S3Writer(client, { Bucket: bucket, Key: keyOf(object) })),
    open: (object, range) =>
      explain("read", async () => {
        const bytes = range === undefined ? {} : { Range: `bytes=${range.first}-${range.last}` };
        const { Body } = await client.send(
          new GetObjectCommand({ Bucket: bucket, Key: keyOf(object), ...bytes }),
        );
        if (!(Body instanceof Readable)) throw new Error("the object has no body");
        return Body;
      }),
    list: (folder) => explain("list", () => listObjects(client, bucket, `${keyOf(folder)}/`, prefix)),
    remove: (object) =>
      explain("remove", async () => {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOf(object) }));
      }),
    close: () => client.destroy(),
  };
}

function createClient({
  endpoint,
  region,
  pathStyle,
  credentials,
}: Pick<S3Target, "endpoint" | "region" | "pathStyle" | "credentials">): S3Client {
  return new S3Client({
    region,
    forcePathStyle: pathStyle,
    maxAttempts: ATTEMPTS,
    // Other services know no trailing checksums; what is stored is compared with our own SHA-256.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: withToken(credentials) }),
  });
}

function withToken({ accessKeyId, secretAccessKey, sessionToken }: NonNullable<S3Target["credentials"]>) {
  return sessionToken === undefined
    ? { accessKeyId, secretAccessKey }
    : { accessKeyId, secretAccessKey, sessionToken };
}

async function listObjects(
  client: S3Client,
  bucket: string,
  folder: string,
  prefix: string,
): Promise<string[]> {
  const found: string[] = [];
  for (let token: string | undefined; ; ) {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: folder,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      }),
    );
    for (const { Key } of page.Contents ?? []) {
      if (Key?.startsWith(prefix) === true) found.push(Key.slice(prefix.length));
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    if (token === undefined) return found;
  }
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

/** An object of one piece is put at once; of more, uploaded piece by piece and then put together. */
class S3Writer implements ObjectWriter {
  readonly #client: S3Client;
  readonly #place: Place;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #uploadId: string | undefined;
  readonly #pieces: { readonly PartNumber: number; readonly ETag: string }[] = [];

  constructor(client: S3Client, place: Place) {
    this.#client = client;
    this.#place = place;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size >= PIECE_BYTES) await explain("write", () => this.#sendPiece());
  }

  close(): Promise<void> {
    return explain("write", async () => {
      if (this.#uploadId === undefined) {
        await this.#client.send(new PutObjectCommand({ ...this.#place, Body: this.#takeAll() }));
        return;
      }
      if (this.#size > 0) await this.#sendPiece();
      await this.#client.send(
        new CompleteMultipartUploadCommand({
          ...this.#place,
          UploadId: this.#uploadId,
          MultipartUpload: { Parts: this.#pieces },
        }),
      );
    });
  }

  async abandon(): Promise<void> {
    if (this.#uploadId === undefined) return;
    const upload = { ...this.#place, UploadId: this.#uploadId };
    await this.#client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
  }

  async #sendPiece(): Promise<void> {
    if (this.#uploadId === undefined) {
      const { UploadId } = await this.#client.send(new CreateMultipartUploadCommand(this.#place));
      if (UploadId === undefined) throw new Error("the upload got no id");
      this.#uploadId = UploadId;
    }
    const PartNumber = this.#pieces.length + 1;
    const piece = { ...this.#place, UploadId: this.#uploadId, PartNumber, Body: this.#takeAll() };
    const { ETag } = await this.#client.send(new UploadPartCommand(piece));
    if (ETag === undefined) throw new Error("the piece got no tag");
    this.#pieces.push({ PartNumber, ETag });
  }

  #takeAll(): Uint8Array {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#size = 0;
    return all;
  }
}

async function explain<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const isFull =
      error instanceof S3ServiceException && (FULL.has(error.name) || error.$metadata.httpStatusCode === 507);
    throw isFull ? storageFull(error) : storageFailed(what, error);
  }
}
