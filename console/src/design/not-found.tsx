import type { ReactNode } from "react";
import { ButtonLink } from "./button.tsx";
import { Page } from "./page.tsx";
import { Empty } from "./states.tsx";

export default function NotFound(): ReactNode {
  return (
    <Page title="No such page">
      <div className="card">
        <Empty title="There is nothing at this address.">
          <ButtonLink to="/">Go to the overview</ButtonLink>
        </Empty>
      </div>
    </Page>
  );
}
