/** Where the page is: `/portal/`, as the server wrote it into `<base>`. */
export const BASE = new URL(document.baseURI).pathname;

/** For the router, which wants it without the slash at its end. */
export const ROUTER_BASE = BASE.replace(/\/$/, "");

/** What the server wrote into the page. */
export interface Settings {
  readonly name: string;
  readonly logo: boolean;
  readonly creditTypes: readonly string[];
  readonly exports: boolean;
  readonly selfServiceKeys?: boolean;
  /** The identity provider with which operators may sign in, by its name. */
  readonly signInWith?: string;
}

export const SETTINGS: Settings = readSettings();

function readSettings(): Settings {
  const text = document.querySelector<HTMLMetaElement>('meta[name="farebox"]')?.content ?? "{}";
  const known: Partial<Settings> = JSON.parse(text);
  return { name: "Farebox", logo: false, creditTypes: ["credits"], exports: false, ...known };
}

/** Says that the request comes from the page itself: another site's page cannot send it. */
export const OWN_HEADERS: Readonly<Record<string, string>> = { "farebox-console": "1" };
