import type { ExportStorageTarget } from "../../domain/export-kind.ts";
import { openFolderStorage } from "./folder-storage.ts";
import type { ExportStorage } from "./storage.ts";

/** The SDK of S3 is loaded only by those that use it: it takes 20 MB. */
export async function openStorage(target: ExportStorageTarget): Promise<ExportStorage> {
  if (target.kind === "folder") return openFolderStorage(target.path);
  const { openS3Storage } = await import("./s3-storage.ts");
  return openS3Storage(target);
}
