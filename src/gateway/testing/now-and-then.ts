const EACH = 25;

/**
 * For an audit of all that was done so far: after each of hundreds of tests it takes more time than they do. Does it each 25th time; a
 * last test has to do it once more.
 */
export function nowAndThen(audit: () => Promise<void>): () => Promise<void> {
  let times = 0;
  return async () => {
    times += 1;
    if (times % EACH === 0) await audit();
  };
}
