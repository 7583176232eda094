import { useEffect, useState } from "react";

/** What the server puts behind `#refused=` when somebody comes back from the identity provider and is not let in. */
const WORDS: Readonly<Record<string, string>> = {
  sign_in_refused: "The provider did not sign you in.",
  role_not_permitted: "Your account has no role here. Ask an administrator.",
  provider_unreachable: "The provider cannot be reached. Try again, or use a token.",
  sign_in_expired: "This took too long, or was begun in another window. Try again.",
  sign_in_limited: "Too many tries to sign in. Try again in a minute.",
};

/** Why somebody was not let in, read once from the address, which forgets it. */
export function useRefused(): string | undefined {
  const [words] = useState(() => {
    const code = /^#refused=(\w+)$/.exec(location.hash)?.[1];
    return code === undefined ? undefined : (WORDS[code] ?? WORDS["sign_in_refused"]);
  });
  useEffect(() => {
    if (words !== undefined) history.replaceState(history.state, "", location.pathname + location.search);
  }, [words]);
  return words;
}
