import { type ReactNode, useEffect, useRef } from "react";

/**
 * A page: its title is the document's, and gets the focus when one comes from another page, so that a screen reader says where one is.
 */
export function Page({
  title,
  lead,
  actions,
  children,
}: {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const [, site = document.title] = document.title.split(" · ");
    document.title = `${title} · ${site}`;
  }, [title]);
  useEffect(() => {
    if (document.body.dataset["moved"] === "yes") heading.current?.focus();
    document.body.dataset["moved"] = "yes";
  }, []);
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead === undefined ? null : <p>{lead}</p>}
        </div>
        {actions === undefined ? null : <div className="row">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
