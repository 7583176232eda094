import { createHmac, timingSafeEqual } from "node:crypto";
import type { ExportAccount } from "./exports.ts";

/** The query parameter that makes a path a link. */
export const LINK_PARAMETER = "link";

/** Download links may be given on: whoever has one needs no key, for a while and for one file. */
export interface ExportLinks {
  /** A path with its query, and until when it works (unix milliseconds). */
  sign(path: string, account: ExportAccount): { readonly link: string; readonly expiresMs: number };
  /** Whose file it is for; `"expired"` and `"invalid"` where it must not be answered. */
  verify(path: string, link: string): ExportAccount | "expired" | "invalid";
}

const FORM = /^(acc_[0-9A-Za-z]{1,64})\.(\d{1,5})\.(\d{1,12})\.([\w-]{43})$/;

/**
 * A link says whose file it is and until when, and signs that with the path. The signature is compared as text: decoding it first
 * would let a changed last letter through.
 */
export function createExportLinks(secret: Uint8Array, linkSeconds: number, nowMs: () => number): ExportLinks {
  const signatureOf = (path: string, said: string): string =>
    createHmac("sha256", secret).update(`${path}\n${said}`).digest("base64url");
  return {
    sign(path, { accountId, shard }) {
      const expires = Math.floor(nowMs() / 1000) + linkSeconds;
      const said = `${accountId}.${shard}.${expires}`;
      const link = `${path}?${LINK_PARAMETER}=${said}.${signatureOf(path, said)}`;
      return { link, expiresMs: expires * 1000 };
    },
    verify(path, link) {
      const parts = FORM.exec(link);
      if (parts === null) return "invalid";
      const [, accountId = "", shard = "", seconds = "", signature = ""] = parts;
      const expected = signatureOf(path, `${accountId}.${shard}.${seconds}`);
      if (!timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) return "invalid";
      return Number(seconds) * 1000 <= nowMs() ? "expired" : { accountId, shard: Number(shard) };
    },
  };
}
