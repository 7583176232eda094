import { type ReactNode, useEffect, useRef } from "react";
import { Link, NavLink, useLocation } from "react-router";
import { TIME_ZONE } from "../formats/times.ts";
import { SETTINGS } from "../session/base.ts";
import { Button } from "./button.tsx";
import { ThemeButton } from "./theme.tsx";

/** What stands around every page: the brand, the places one can go, who is signed in. */
export function Shell({
  places,
  who,
  onSignOut,
  isSigningOut,
  children,
}: {
  readonly places: readonly (readonly [path: string, name: string])[];
  readonly who: string;
  readonly onSignOut: () => void;
  readonly isSigningOut: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const list = useRef<HTMLUListElement>(null);
  const { pathname } = useLocation();
  // On a phone the places are wider than the screen: the one that is open is brought into sight, also when a tablet is turned.
  useEffect(() => {
    const { current } = list;
    if (current === null) return undefined;
    const show = (): void => {
      const open = current.querySelector<HTMLElement>(`[aria-current="page"]`);
      if (open !== null) current.scrollLeft = open.offsetLeft - (current.clientWidth - open.offsetWidth) / 2;
    };
    show();
    const watch = new ResizeObserver(show);
    watch.observe(current);
    return () => watch.disconnect();
  }, [pathname]);
  return (
    <>
      <a className="skip" href="#content" onClick={skip}>
        Skip to the content
      </a>
      <header className="head">
        <div className="head-inner">
          <BrandMark />
          <nav className="head-nav" aria-label="Pages">
            <ul ref={list}>
              {places.map(([path, name]) => (
                <li key={path}>
                  <NavLink to={path} end={path === "/"} className="nav-link">
                    {name}
                  </NavLink>
                </li>
              ))}
            </ul>
          </nav>
          <div className="head-tools">
            <span className="small soft head-who" title={who}>
              {who}
            </span>
            <ThemeButton />
            <Button kind="quiet" size="small" onClick={onSignOut} busy={isSigningOut}>
              Sign out
            </Button>
          </div>
        </div>
      </header>
      <main id="content" className="main" tabIndex={-1}>
        {children}
      </main>
      <footer className="foot">Times are in your time zone, {TIME_ZONE}. Amounts are exact.</footer>
    </>
  );
}

/** Not by the address: with a base, `#content` would be another page. */
function skip(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#content")?.focus();
}

export function BrandMark(): ReactNode {
  return (
    <Link to="/" className="brand">
      {SETTINGS.logo ? <img src="logo" alt="" /> : <OwnMark />}
      <span>{SETTINGS.name}</span>
    </Link>
  );
}

function OwnMark(): ReactNode {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path
        d="M10 22V10h12M10 16h9"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="3"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
