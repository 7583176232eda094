import { type FormEvent, type ReactNode, useState } from "react";
import { useNavigate } from "react-router";
import { Button } from "../../design/button.tsx";
import { Card } from "../../design/card.tsx";
import { TextField } from "../../design/field.tsx";
import { Page } from "../../design/page.tsx";
import { LiveTraffic } from "./live-traffic.tsx";

/** One call by its id, and all calls as they end. */
export default function Calls(): ReactNode {
  const navigate = useNavigate();
  const [id, setId] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (id.trim() !== "") void navigate(`/calls/${encodeURIComponent(id.trim())}`);
  };
  return (
    <Page title="Calls">
      <Card title="Find a call" note="Why it cost what it did.">
        <form className="filters" onSubmit={submit}>
          <TextField
            label="Request or charge"
            placeholder="x-request-id, or chg_…"
            value={id}
            onChange={(event) => setId(event.target.value)}
          />
          <Button type="submit" kind="primary" disabled={id.trim() === ""}>
            Explain
          </Button>
        </form>
      </Card>
      <LiveTraffic />
    </Page>
  );
}
