/**
 * What the handler of a request tells of its call, where it runs in this process. Read once, when the answer is charged; what is told
 * later would change nothing.
 */
export class ToldOutcome {
  /** What the call counted, in the place of what its price would read of the answer; undefined: nothing was told. */
  units: number | undefined;
  /** Nothing is charged, whatever the status. */
  isFree = false;
  /** How the answer is charged is decided: it is too late to tell. */
  isDecided = false;
}
