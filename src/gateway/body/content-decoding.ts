import { brotliDecompress, gunzip, inflate, type ZlibOptions } from "node:zlib";

/**
 * A body may expand this many times. Real JSON reaches about 30; 93 bytes of brotli can expand to 100 MB. Small bodies
 * may expand more, because a few repeated records compress extremely well.
 */
const MAX_DECODING_RATIO = 100;
const RATIO_FREE_BYTES = 64 * 1024;

/**
 * Decodes a response body that came encoded although `identity` was asked for. One coding only (`gzip`, `br`,
 * `deflate`); undefined when the coding is unknown or more than one, the data is broken or cut, or the result is
 * larger than `maxBytes` or the ratio allows. Decoding happens on zlib's threads.
 */
export async function decodeBody(
  body: Buffer,
  coding: string,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const limit = Math.min(maxBytes, Math.max(RATIO_FREE_BYTES, body.length * MAX_DECODING_RATIO));
  const options: ZlibOptions = { maxOutputLength: limit };
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return run((done) => gunzip(body, options, done));
    case "deflate":
      return run((done) => inflate(body, options, done));
    case "br":
      return run((done) => brotliDecompress(body, { maxOutputLength: limit }, done));
    default:
      return undefined;
  }
}

function run(
  start: (done: (error: Error | null, result: Buffer) => void) => void,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    start((error, result) => {
      resolve(error === null ? result : undefined);
    });
  });
}
