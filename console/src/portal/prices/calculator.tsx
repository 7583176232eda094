import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import type { Quote, QuoteInput } from "../../../../src/client/generated/customer-types.ts";
import { Button } from "../../design/button.tsx";
import { Badge, Card, Notice } from "../../design/card.tsx";
import { Choice, TextArea, TextField } from "../../design/field.tsx";
import { Failed } from "../../design/states.tsx";
import { Amount } from "../../formats/amount.tsx";
import { creditWords, showCount, toCredits } from "../../formats/credits.ts";
import { splitEndpoint } from "../../formats/endpoints.ts";
import { costWords } from "../../formats/price-words.ts";
import { fieldErrors } from "../../session/describe-error.ts";
import { ACCOUNT } from "../account-api.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

type Method = (typeof METHODS)[number];

/** Asks what a call would cost. Nothing runs and nothing is charged. */
export function Calculator({ endpoints }: { readonly endpoints: readonly string[] }): ReactNode {
  const first = splitEndpoint(endpoints[0] ?? "GET /");
  const [method, setMethod] = useState<Method>(METHODS.find((name) => name === first.method) ?? "GET");
  const [path, setPath] = useState(first.path);
  const [body, setBody] = useState("");
  const [wrongBody, setWrongBody] = useState<string>();
  const quote = useMutation({ mutationFn: (input: QuoteInput) => ACCOUNT.quote(input) });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const parsed = parseBody(body);
    setWrongBody(parsed.problem);
    if (parsed.problem !== undefined) return;
    quote.mutate({ method, path: path.trim(), ...(parsed.body === undefined ? {} : { body: parsed.body }) });
  };
  const errors = fieldErrors(quote.error);
  return (
    <Card title="Price calculator" note="Asks what one call would cost. Nothing runs and nothing is charged.">
      <div className="columns">
        <form className="stack" onSubmit={submit}>
          <Choice
            label="Method"
            value={method}
            options={METHODS.map((name) => [name, name] as const)}
            onChange={(event) => setMethod(METHODS.find((name) => name === event.target.value) ?? "GET")}
          />
          <TextField
            label="Path"
            value={path}
            list="endpoints"
            spellCheck={false}
            onChange={(event) => setPath(event.target.value)}
            error={errors.get("path")}
            hint="As it is called, with its query: /v1/leads?size=50"
          />
          <datalist id="endpoints">
            {[...new Set(endpoints.map((endpoint) => splitEndpoint(endpoint).path))].map((known) => (
              <option key={known} value={known} />
            ))}
          </datalist>
          <TextArea
            label="Body (JSON, if the call has one)"
            value={body}
            spellCheck={false}
            onChange={(event) => setBody(event.target.value)}
            error={wrongBody ?? errors.get("body")}
          />
          <div>
            <Button type="submit" kind="primary" busy={quote.isPending} disabled={path.trim() === ""}>
              What would it cost?
            </Button>
          </div>
        </form>
        <div aria-live="polite">
          {quote.isError && errors.size === 0 ? <Failed error={quote.error} /> : null}
          {quote.data === undefined ? null : <Answer quote={quote.data} />}
        </div>
      </div>
    </Card>
  );
}

function Answer({ quote }: { readonly quote: Quote }): ReactNode {
  const { most, creditType, available, units, price } = quote;
  return (
    <div className="stack">
      <div>
        <p className="figure">{most === null ? "Open" : <Amount of={most} />}</p>
        <p className="soft">
          {most === null
            ? "only the answer tells: its price names no bound"
            : creditType === null
              ? "it costs nothing"
              : `${creditWords(creditType, toCredits(most))} at most`}
        </p>
      </div>
      <dl className="facts">
        <dt>Endpoint</dt>
        <dd className="mono">{quote.endpoint}</dd>
        <dt>Price</dt>
        <dd>{price === null ? "none" : costWords(price)}</dd>
        {units === null || units === 1 ? null : (
          <>
            <dt>Results</dt>
            <dd>at most {showCount(units)}</dd>
          </>
        )}
        {available === null ? null : (
          <>
            <dt>Available</dt>
            <dd>
              <Amount of={available} />
            </dd>
          </>
        )}
        <dt>Now</dt>
        <dd>
          {quote.admitted ? (
            <Badge tone="good">would be admitted</Badge>
          ) : (
            <Badge tone="bad">would be refused: {quote.refusal}</Badge>
          )}
        </dd>
      </dl>
      {quote.repeat ? (
        <Notice tone="good">The same call was paid for before: now it would cost nothing.</Notice>
      ) : null}
    </div>
  );
}

interface ParsedBody {
  readonly body?: Readonly<Record<string, unknown>> | readonly unknown[];
  readonly problem?: string;
}

function parseBody(text: string): ParsedBody {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return { problem: "must be a JSON object or list" };
    return { body: Array.isArray(value) ? value : { ...value } };
  } catch {
    return { problem: "is not JSON" };
  }
}
