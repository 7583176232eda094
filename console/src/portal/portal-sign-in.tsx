import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { Button } from "../design/button.tsx";
import { Notice } from "../design/card.tsx";
import { TextField } from "../design/field.tsx";
import { BrandMark } from "../design/shell.tsx";
import { SETTINGS } from "../session/base.ts";
import { describeError } from "../session/describe-error.ts";
import { EndedNotice } from "../session/ended-notice.tsx";
import { useSignIn } from "../session/session.tsx";
import { useSignInLink } from "../session/use-sign-in-link.ts";

/** With a key, or with a link from the provider, whose text is in the fragment: it is in no log, and used once. */
export function PortalSignIn(): ReactNode {
  const signIn = useSignIn();
  const [key, setKey] = useState("");
  const byLink = useSignInLink(signIn);
  useEffect(() => {
    document.title = `Sign in · ${SETTINGS.name}`;
  }, []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (key.trim() !== "") signIn.mutate({ key: key.trim() });
  };
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <BrandMark />
        <div>
          <h1>Sign in</h1>
          <p className="soft">See what your calls cost, what remains, and your limits.</p>
        </div>
        <EndedNotice />
        {signIn.isError ? (
          <Notice tone="bad">
            <span>
              {byLink
                ? "This link was used before, or has expired. Ask for a new one, or sign in with a key."
                : describeError(signIn.error).detail}
            </span>
          </Notice>
        ) : null}
        <form onSubmit={submit}>
          <TextField
            label="API key"
            type="password"
            name="key"
            autoComplete="off"
            spellCheck={false}
            value={key}
            onChange={(event) => setKey(event.target.value)}
            hint="Any active key of your account. It is sent once and not kept in this browser."
          />
          <Button type="submit" kind="primary" busy={signIn.isPending} disabled={key.trim() === ""}>
            Sign in
          </Button>
        </form>
      </div>
    </main>
  );
}
