import { type ReactNode, useState } from "react";
import type { Key } from "../../../../src/client/generated/customer-types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card } from "../../design/card.tsx";
import { Progress } from "../../design/progress.tsx";
import { Amount, Moment } from "../../formats/amount.tsx";
import { shareOf, showCredits, toCredits } from "../../formats/credits.ts";
import { EditKey } from "./edit-key.tsx";
import { RevokeKey, RotateKey } from "./end-key.tsx";

const TONES = { active: "good", expired: "warn", revoked: "bad" } as const;

type Doing = "edit" | "rotate" | "revoke" | undefined;

/** One key. */
export function KeyCard({
  of: key,
  canManage,
}: {
  readonly of: Key;
  readonly canManage: boolean;
}): ReactNode {
  const [doing, setDoing] = useState<Doing>();
  const close = (): void => setDoing(undefined);
  return (
    <Card
      title={key.name === "" ? key.hint : key.name}
      note={<span className="mono">{key.hint}</span>}
      actions={
        <>
          <Badge tone={TONES[key.state]}>{key.state}</Badge>
          {canManage && key.state !== "revoked" ? (
            <>
              <Button size="small" onClick={() => setDoing("edit")}>
                Change
              </Button>
              {key.state === "active" ? (
                <Button size="small" onClick={() => setDoing("rotate")}>
                  Rotate
                </Button>
              ) : null}
              <Button size="small" onClick={() => setDoing("revoke")}>
                Revoke
              </Button>
            </>
          ) : null}
        </>
      }
    >
      <div className="columns">
        <KeyFacts of={key} />
        <Caps caps={key.caps} />
      </div>
      {doing === "edit" ? <EditKey of={key} onClose={close} /> : null}
      {doing === "rotate" ? <RotateKey of={key} onClose={close} /> : null}
      {doing === "revoke" ? <RevokeKey of={key} onClose={close} /> : null}
    </Card>
  );
}

function KeyFacts({ of: key }: { readonly of: Key }): ReactNode {
  return (
    <dl className="facts small">
      <dt>May call</dt>
      <dd>
        {key.scopes === null ? (
          "every endpoint"
        ) : (
          <ul>
            {key.scopes.map((scope) => (
              <li key={scope} className="mono">
                {scope}
              </li>
            ))}
          </ul>
        )}
      </dd>
      <dt>Created</dt>
      <dd>
        <Moment at={key.createdAt} />
      </dd>
      <dt>Last used</dt>
      <dd>{key.lastUsedAt === null ? "never" : <Moment at={key.lastUsedAt} as="distance" />}</dd>
      <dt>Expires</dt>
      <dd>{key.expiresAt === null ? "never" : <Moment at={key.expiresAt} />}</dd>
      {key.secretsInGrace.map((secret) => (
        <FormerText key={`${secret.hint} ${secret.rotatedAt}`} secret={secret} />
      ))}
    </dl>
  );
}

function FormerText({ secret }: { readonly secret: Key["secretsInGrace"][number] }): ReactNode {
  return (
    <>
      <dt>Former text</dt>
      <dd>
        <span className="mono">{secret.hint}</span> works until <Moment at={secret.expiresAt} />;{" "}
        {secret.lastUsedAt === null ? (
          "not used since"
        ) : (
          <>
            last used <Moment at={secret.lastUsedAt} as="distance" />
          </>
        )}
      </dd>
    </>
  );
}

const WINDOWS = [
  ["day", "today (UTC)"],
  ["month", "this month (UTC)"],
  ["total", "in all"],
] as const;

function Caps({ caps }: { readonly caps: Key["caps"] }): ReactNode {
  if (caps.length === 0)
    return <p className="soft small">No cap: this key may spend all credits of the account.</p>;
  return (
    <div className="stack">
      {caps.flatMap((cap) =>
        WINDOWS.flatMap(([window, words]) => {
          const most = cap[window];
          if (most === null) return [];
          const used = toCredits(cap.spent[window]) + toCredits(cap.held);
          const share = most === 0 ? 1 : shareOf(used, toCredits(most));
          return [
            <Progress
              key={`${cap.creditType} ${window}`}
              share={share}
              tone={share >= 1 ? "bad" : share >= 0.8 ? "warn" : "plain"}
              label={
                <>
                  <span className="number">{showCredits(used)}</span> of <Amount of={most} />{" "}
                  {cap.creditType === "credits" ? "credits" : `${cap.creditType} credits`} {words}
                  {cap.source === "plan" ? <span className="soft"> · set by the plan</span> : null}
                </>
              }
            />,
          ];
        }),
      )}
    </div>
  );
}
