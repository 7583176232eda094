import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { FareboxError } from "../../domain/farebox-error.ts";

/** Looked at so often: soon enough for what is renewed days before its end, and two small files. */
const RELOAD_MS = 10_000;

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Certificate {
  /** PEM: the certificate, then those between it and its root. */
  readonly cert: string;
  readonly key: string;
  readonly expiresAt: Date;
}

/** What became of a changed certificate. */
export interface CertificateEvents {
  certificateLoaded(certificate: { expiresAt: Date }): void;
  /** It cannot be used; the one before stays in use. */
  certificateRefused(reason: string): void;
}

/** Reads certificate and key. Throws FareboxError `certificate_invalid`, which names the file and what is wrong with it. */
export function readCertificate(files: CertificateFiles): Certificate {
  const cert = readPem(files.cert);
  const key = readPem(files.key);
  const leaf = attempt(files.cert, "is no certificate in PEM", () => new X509Certificate(cert));
  const secret = attempt(files.key, "is no private key in PEM without a passphrase", () =>
    createPrivateKey(key),
  );
  if (!leaf.checkPrivateKey(secret)) refuse(files.key, `is not the key of the certificate ${files.cert}`);
  attempt(files.cert, "cannot be used", () => createSecureContext({ cert, key }));
  return { cert, key, expiresAt: new Date(leaf.validTo) };
}

/** Looks for other contents of the files. A pair that does not fit together is one that is being written: it is looked at again. */
export class CertificateWatch {
  readonly #files: CertificateFiles;
  readonly #use: (certificate: Certificate) => void;
  readonly #events: CertificateEvents;
  readonly #timer: NodeJS.Timeout;
  #current: Certificate;
  /** Told once for each fault, not at every look. */
  #told: string | undefined;

  constructor(
    files: CertificateFiles,
    current: Certificate,
    use: (certificate: Certificate) => void,
    events: CertificateEvents,
  ) {
    this.#files = files;
    this.#current = current;
    this.#use = use;
    this.#events = events;
    this.#timer = setInterval(() => this.look(), RELOAD_MS).unref();
  }

  /** Uses what the files hold now, if it is another certificate and a good one. */
  look(): void {
    try {
      const read = readCertificate(this.#files);
      this.#told = undefined;
      if (read.cert === this.#current.cert && read.key === this.#current.key) return;
      this.#use(read);
      this.#current = read;
      this.#events.certificateLoaded({ expiresAt: read.expiresAt });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason === this.#told) return;
      this.#told = reason;
      this.#events.certificateRefused(reason);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function readPem(file: string): string {
  return attempt(file, "cannot be read", () => readFileSync(file, "utf8"));
}

function attempt<T>(file: string, what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    return refuse(file, `${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function refuse(file: string, reason: string): never {
  throw new FareboxError("certificate_invalid", `${file} ${reason}`, {
    detail: { file, fix: "Name a certificate and its key in PEM, which this process may read." },
  });
}
