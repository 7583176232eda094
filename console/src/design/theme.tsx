import { type ReactNode, useEffect, useState } from "react";

type Theme = "system" | "light" | "dark";

const KEPT_AS = "farebox-theme";

/** Applied before the first paint: the choice if there is one, else what the system wants. */
export function applyTheme(theme: Theme = readTheme()): void {
  const dark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

/** Frames of other sites may have no storage: then the system decides. */
function readTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEPT_AS);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

function keepTheme(theme: Theme): void {
  try {
    if (theme === "system") localStorage.removeItem(KEPT_AS);
    else localStorage.setItem(KEPT_AS, theme);
  } catch {
    // It holds for this page, then.
  }
}

const NEXT = { system: "light", light: "dark", dark: "system" } as const;
const NAMES = { system: "as the system", light: "light", dark: "dark" } as const;

/** Light, dark, or as the system wants. */
export function ThemeButton(): ReactNode {
  const [theme, setTheme] = useState(readTheme);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const follow = (): void => applyTheme(theme);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, [theme]);
  const choose = (): void => {
    const next = NEXT[theme];
    keepTheme(next);
    applyTheme(next);
    setTheme(next);
  };
  return (
    <button
      type="button"
      className="button"
      data-kind="quiet"
      data-size="small"
      onClick={choose}
      aria-label={`Colours: ${NAMES[theme]}. Change to ${NAMES[NEXT[theme]]}`}
      title={`Colours: ${NAMES[theme]}`}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor">
        {theme === "light" ? (
          <>
            <circle cx="8" cy="8" r="3" />
            <path d="M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3" />
          </>
        ) : theme === "dark" ? (
          <path d="M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z" />
        ) : (
          <>
            <circle cx="8" cy="8" r="6" />
            <path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor" />
          </>
        )}
      </svg>
    </button>
  );
}
