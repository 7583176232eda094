import type { ReactNode } from "react";
import { describeError } from "../session/describe-error.ts";
import { Button } from "./button.tsx";

/** What stands where something will be. */
function Skeleton({ height = 16, width = "100%" }: { readonly height?: number; readonly width?: string }) {
  return <div className="skeleton" style={{ height, width }} />;
}

/** Several lines of it, and the word for those who do not see them. */
export function Loading({ lines = 4 }: { readonly lines?: number }): ReactNode {
  return (
    <div className="card-body stack" role="status">
      <span className="unseen">Loading…</span>
      {Array.from({ length: lines }, (_, line) => (
        <Skeleton key={line} width={`${92 - ((line * 17) % 40)}%`} />
      ))}
    </div>
  );
}

/** Nothing is there: why, and what one can do. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** What could not be read, why, and the way to try it again. */
export function Failed({
  error,
  again,
}: {
  readonly error: unknown;
  readonly again?: () => void;
}): ReactNode {
  const { title, detail } = describeError(error);
  return (
    <div className="empty" role="alert">
      <strong>{title}</strong>
      <p>{detail}</p>
      {again === undefined ? null : <Button onClick={again}>Try again</Button>}
    </div>
  );
}
