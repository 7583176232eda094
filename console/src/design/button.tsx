import type { ComponentProps, ReactNode } from "react";
import { Link } from "react-router";

type Kind = "plain" | "primary" | "danger" | "quiet";

interface Look {
  readonly kind?: Kind | undefined;
  readonly size?: "normal" | "small" | undefined;
}

/** A button; while `busy` it says so and cannot be pressed again. */
export function Button({
  kind = "plain",
  size = "normal",
  busy = false,
  children,
  ...rest
}: ComponentProps<"button"> & Look & { readonly busy?: boolean | undefined }): ReactNode {
  return (
    <button
      type="button"
      {...rest}
      className="button"
      data-kind={kind}
      data-size={size}
      disabled={rest.disabled === true || busy}
      aria-busy={busy}
    >
      {busy ? "One moment…" : children}
    </button>
  );
}

/** A link that looks like a button: it goes somewhere, and does nothing. */
export function ButtonLink({
  to,
  kind = "plain",
  size = "normal",
  children,
}: Look & { readonly to: string; readonly children: ReactNode }): ReactNode {
  return (
    <Link to={to} className="button" data-kind={kind} data-size={size}>
      {children}
    </Link>
  );
}

/** A download: the browser asks for it and keeps it. */
export function DownloadLink({
  href,
  children,
}: {
  readonly href: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <a href={href} className="button" data-kind="plain" data-size="small" download>
      {children}
    </a>
  );
}
