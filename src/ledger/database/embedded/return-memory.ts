/**
 * Gives back to the operating system what this thread's start has left behind: V8 collects garbage when it needs room, and an idle
 * thread never does. The thread stands still for some 50 ms. Without node's `--expose-gc` (bin/memory.json) nothing is done. It stands
 * here because the embedded store's thread does it too, and that may import nothing above this folder.
 */
export function returnMemory(): void {
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
}
