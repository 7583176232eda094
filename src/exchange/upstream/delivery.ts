/** What happens with an upstream's response once its head is known: one way of bringing it to the client. */
export interface Delivery {
  data(chunk: Buffer): void;
  /** The response is complete. */
  end(): void;
  /** The upstream broke off, or the call was aborted by us with this error. */
  broken(error: unknown): void;
  /** The client has gone: keep going for the books' sake, or stop. */
  clientLeft(): void;
  /** A call without a client has gone on for long enough. */
  stop(): void;
}

/** Given as the reason when we end a call ourselves. */
export class CallStopped extends Error {
  override readonly name = "CallStopped";
}

/** What still arrives of a response that has been rejected. The call ends when its client has been told. */
export const REJECTED: Delivery = {
  data() {},
  end() {},
  broken() {},
  clientLeft() {},
  stop() {},
};
