import { BASE } from "./base.ts";

/** Tabs of one browser have one cookie: who signs in or out in one of them does so in all. */
const channel = new BroadcastChannel(`farebox ${BASE}`);

export function tellOtherTabs(isSignedIn: boolean): void {
  // A channel has no target to name: only pages of this origin get its messages.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  channel.postMessage(isSignedIn);
}

export function watchOtherTabs(watch: (isSignedIn: boolean) => void): void {
  channel.addEventListener("message", ({ data }) => watch(data === true));
}
