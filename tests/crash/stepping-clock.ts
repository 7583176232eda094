import { chmodSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where Debian's package libfaketime puts it, in a folder for each architecture. `LIBFAKETIME` names another file. */
const DEBIAN = "/usr/lib";
const LIBRARY = "faketime/libfaketime.so.1";

/** The clock of a server that was started with its environment: this machine's, and so many seconds that a test sets at any time. */
export class SteppingClock {
  readonly environment: Readonly<Record<string, string>>;
  readonly #directory = mkdtempSync(join(tmpdir(), "farebox-clock-"));
  readonly #file = join(this.#directory, "offset");

  /** Throws when the machine has no libfaketime: the run has failed. */
  constructor() {
    const library = findLibrary();
    // The server runs as somebody else, who reads it.
    chmodSync(this.#directory, 0o755);
    this.set(0);
    this.environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      // As on a real machine: a clock that is set moves nobody's time-outs.
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DISABLE_SHM: "1",
    };
  }

  /** From now on the server's clock is so many seconds ahead of this machine's; negative: behind it. */
  set(seconds: number): void {
    const next = `${this.#file}.next`;
    writeFileSync(next, `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}\n`, { mode: 0o644 });
    renameSync(next, this.#file);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function findLibrary(): string {
  // oxlint-disable-next-line node/no-process-env -- where a developer's machine has it, and this is no product code
  const named = process.env["LIBFAKETIME"];
  const candidates =
    named === undefined ? readdirSync(DEBIAN).map((arch) => join(DEBIAN, arch, LIBRARY)) : [named];
  const found = candidates.find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new Error(
    `Tests of a clock that steps need libfaketime, and ${named ?? `${DEBIAN}/*/${LIBRARY}`} is not there. Install it ` +
      "(apt-get install libfaketime), or name its file with LIBFAKETIME.",
  );
}
