import { type ReactNode, useId } from "react";

/** A part of a page with a heading of its own. */
export function Card({
  title,
  note,
  actions,
  flush = false,
  children,
}: {
  readonly title: string;
  readonly note?: ReactNode;
  readonly actions?: ReactNode;
  /** Its content reaches the edges: tables. */
  readonly flush?: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id}>
      <div className="card-head">
        <div>
          <h2 id={id}>{title}</h2>
          {note === undefined ? null : <p className="card-note">{note}</p>}
        </div>
        {actions === undefined ? null : <div className="row">{actions}</div>}
      </div>
      <div className={flush ? "card-flush" : "card-body"}>{children}</div>
    </section>
  );
}

/** A short word about a state. */
export function Badge({
  tone = "plain",
  children,
}: {
  readonly tone?: "plain" | "good" | "warn" | "bad";
  readonly children: ReactNode;
}): ReactNode {
  return (
    <span className="badge" data-tone={tone}>
      {children}
    </span>
  );
}

/** A line that must be seen. */
export function Notice({
  tone = "plain",
  children,
}: {
  readonly tone?: "plain" | "good" | "warn" | "bad";
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className="notice" data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}
