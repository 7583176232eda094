const held = new WeakMap<object, Promise<void>>();

/**
 * A statement has failed with this error, and its session takes no other until `free` resolves: a server of a cluster that gives up
 * on another one which hangs tells so at once, and then waits for it all the same.
 */
export function holdUntil(error: unknown, free: Promise<void>): void {
  if (typeof error === "object" && error !== null) held.set(error, free);
}

/** Undefined: the session is free. */
export function heldFor(error: unknown): Promise<void> | undefined {
  return typeof error === "object" && error !== null ? held.get(error) : undefined;
}
