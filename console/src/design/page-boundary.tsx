import { Component, type ReactNode } from "react";
import { Button } from "./button.tsx";
import { Page } from "./page.tsx";

/**
 * Stands in for a page that broke or could not be loaded: its script is gone when Farebox was upgraded since this tab was opened, or the
 * connection is down. Without it nothing at all would be left. Another address makes another one, by its `key`.
 */
export class PageBoundary extends Component<
  { readonly children: ReactNode },
  { readonly isBroken: boolean }
> {
  override readonly state = { isBroken: false };

  static getDerivedStateFromError(): { readonly isBroken: boolean } {
    return { isBroken: true };
  }

  override render(): ReactNode {
    if (!this.state.isBroken) return this.props.children;
    return (
      <Page title="This page could not be shown">
        <div className="card">
          <div className="empty" role="alert">
            <strong>It could not be loaded</strong>
            <p>There may be a newer version than the one in this tab, or your connection is down.</p>
            <Button onClick={() => location.reload()}>Load it anew</Button>
          </div>
        </div>
      </Page>
    );
  }
}
