import { useEffect, useRef } from "react";
import { useLocation } from "react-router";
import type { useSignIn } from "./session.tsx";

/** Whether the address has a link's text. It may be for another account than the one that is signed in: it is used first. */
export const hasSignInLink = (): boolean => location.hash.startsWith("#link=");

/**
 * Signs in with the link's text that is in the address's fragment, once, and takes it out of the address. The fragment is in no log, and
 * opening the page does not use the link up. Returns whether what was last tried is a link.
 */
export function useSignInLink(signIn: ReturnType<typeof useSignIn>): boolean {
  const used = useRef("");
  // A link that is opened in a tab that shows the pages already changes the fragment only.
  const { hash } = useLocation();
  useEffect(() => {
    const link = /^#link=(.+)$/.exec(location.hash)?.[1];
    if (link === undefined || used.current === link) return;
    used.current = link;
    history.replaceState(history.state, "", location.pathname + location.search);
    // The text has no character that is encoded in an address.
    signIn.mutate({ link });
  }, [signIn, hash]);
  return signIn.variables?.["link"] !== undefined;
}
