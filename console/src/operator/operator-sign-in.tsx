import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { Button } from "../design/button.tsx";
import { Notice } from "../design/card.tsx";
import { TextField } from "../design/field.tsx";
import { BrandMark } from "../design/shell.tsx";
import { BASE, SETTINGS } from "../session/base.ts";
import { describeError } from "../session/describe-error.ts";
import { EndedNotice } from "../session/ended-notice.tsx";
import { useSignIn } from "../session/session.tsx";
import { useSignInLink } from "../session/use-sign-in-link.ts";
import { useRefused } from "./use-refused.ts";

/** With a token, by a link that was made with one, or at an identity provider. */
export function OperatorSignIn(): ReactNode {
  const signIn = useSignIn();
  const [token, setToken] = useState("");
  useSignInLink(signIn);
  useEffect(() => {
    document.title = `Sign in · ${SETTINGS.name} console`;
  }, []);
  const refused = useRefused();
  const problem = signIn.isError ? describeError(signIn.error).detail : refused;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (token.trim() !== "") signIn.mutate({ token: token.trim() });
  };
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <BrandMark />
        <div>
          <h1>Operator console</h1>
          <p className="soft">Accounts, credits, prices and what happened to them.</p>
        </div>
        <EndedNotice />
        {problem === undefined ? null : (
          <Notice tone="bad">
            <span>{problem}</span>
          </Notice>
        )}
        {SETTINGS.signInWith === undefined ? null : (
          <a className="button" data-kind="primary" href={`${BASE}oidc`}>
            Sign in with {SETTINGS.signInWith}
          </a>
        )}
        <form onSubmit={submit}>
          <TextField
            label="Token"
            type="password"
            name="token"
            autoComplete="off"
            spellCheck={false}
            value={token}
            onChange={(event) => setToken(event.target.value)}
            hint="A token of the operator API. The first one is in the file operator-token of the data directory; the command farebox console makes a link that signs in."
          />
          <Button
            type="submit"
            kind={SETTINGS.signInWith === undefined ? "primary" : "plain"}
            busy={signIn.isPending}
            disabled={token.trim() === ""}
          >
            Sign in
          </Button>
        </form>
      </div>
    </main>
  );
}
