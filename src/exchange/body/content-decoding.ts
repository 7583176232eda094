import {
  type BrotliDecompress,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  type Gunzip,
  type Inflate,
  type InflateRaw,
  type ZstdDecompress,
} from "node:zlib";

/**
 * A body may expand this many times. Real JSON reaches about 30; 93 bytes of brotli can expand to 100 MB. Small bodies
 * may expand more, because a few repeated records compress extremely well.
 */
export const MAX_DECODING_RATIO = 100;
export const RATIO_FREE_BYTES = 64 * 1024;

/** A window of 8 MiB, the most that a sender may ask of every receiver (RFC 9659). */
const ZSTD_WINDOW_LOG_MAX = 23;

const DECODABLE: ReadonlySet<string> = new Set(["gzip", "x-gzip", "br", "deflate", "zstd"]);

/** A coding as `Accept-Encoding` names it, with or without its weight (RFC 9110 §12.5.3). */
const ACCEPTED = /^([\w-]+|\*)(\s*;\s*q\s*=\s*([01](?:\.\d{0,3})?))?$/i;

export type Decoder = Gunzip | Inflate | InflateRaw | BrotliDecompress | ZstdDecompress;

/** Whether a body with this `Content-Encoding` (lower case) can be read: one coding only. */
export function isDecodable(coding: string): boolean {
  return DECODABLE.has(coding);
}

/** A decoder of a {@link isDecodable} coding. `first`: the beginning of what it will be given. */
export function createDecoder(coding: string, first: Uint8Array): Decoder {
  switch (coding) {
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX } });
    case "deflate":
      return hasZlibHeader(first) ? createInflate() : createInflateRaw();
    default:
      return createGunzip();
  }
}

/** `deflate` means zlib's format, but some senders leave its frame out, and all readers know both. */
function hasZlibHeader([first = 0, second]: Uint8Array): boolean {
  return (first & 0x0f) === 8 && (second === undefined || (first * 256 + second) % 31 === 0);
}

/**
 * What the upstream is told of the codings that the client takes, when its body is read here: those that can be read here too. A
 * client that names none is sent none: it may not be able to undo any.
 */
export function narrowAcceptEncoding(accepted: string | undefined): string {
  const kept = (accepted ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => {
      const [, name = "", , weight] = ACCEPTED.exec(item) ?? [];
      const coding = name.toLowerCase();
      // `*` would let the upstream choose any; to refuse the rest is no offer.
      if (coding === "*") return weight !== undefined && Number(weight) === 0;
      return coding === "identity" || isDecodable(coding);
    });
  return kept.length === 0 ? "identity" : kept.join(", ");
}
