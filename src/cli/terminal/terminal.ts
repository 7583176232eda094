/** Where a command writes. Results go to `out`, everything else to `err`, so that results can be piped. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether a person is looking at `err`. */
  readonly interactive: boolean;
}

/** What a shell says of a program that wrote to a pipe which nobody reads any more. */
const BROKEN_PIPE_EXIT = 141;

/** The process's own streams. When the reader of a pipe leaves (`| head`), the process ends without a word. */
export function createTerminal(): Terminal {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(BROKEN_PIPE_EXIT);
    throw error;
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stderr.isTTY,
  };
}
