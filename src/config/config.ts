import type { Credits } from "../domain/credits.ts";
import type { ExportKind, ExportStorageTarget } from "../domain/export-kind.ts";
import type { KeyCap } from "../domain/key-cap.ts";
import type { KeyForm, KeyForms } from "../domain/keys/key-form.ts";
import type { LimitRule } from "../domain/limit-rule.ts";
import type { GivingLimits } from "../domain/operator-role.ts";
import type { Price } from "../domain/prices/price.ts";

/** The configuration after parsing, with every default filled in. The schema in schema.ts documents each option once. */
export interface Config {
  /** None: there is nothing behind the gateway. */
  readonly upstreams: readonly UpstreamConfig[];
  /** A shipped contract's name, or an absolute path to a contract file. */
  readonly contract: string;
  readonly creditTypes: readonly string[];
  readonly prices: readonly Price[];
  readonly unpriced: "free" | "refuse";
  /** Matches (`"GET /health"`) that need no key. They are never priced. */
  readonly open: readonly string[];
  readonly limits: readonly LimitRule[];
  readonly plans: readonly PlanConfig[];
  readonly keys: KeysConfig;
  readonly customerApi: CustomerApiConfig;
  readonly portal: PortalConfig;
  readonly console: ConsoleConfig;
  readonly sessions: SessionsConfig;
  readonly exports: ExportsConfig;
  readonly gateway: GatewayLimits & ListenerConfig;
  readonly sidecar: SidecarConfig;
  readonly idempotency: { readonly keepHours: number; readonly maxBodyBytes: number };
  readonly leases: { readonly idleMs: number; readonly deadAfterMs: number };
  readonly shards: number;
  /** Processes of the gateway. */
  readonly workers: number | "auto";
}

export interface KeysConfig {
  readonly prefix: string;
  /** Of which new keys are made; undefined: of our own, with a checksum. */
  readonly form: KeyForm | undefined;
  /** All that keys may have. */
  readonly forms: KeyForms;
}

export interface UpstreamConfig {
  readonly name: string;
  readonly url: string;
  /** Chosen when the request's host or path prefix matches; the last upstream without either is the default. */
  readonly host: string | undefined;
  readonly pathPrefix: string | undefined;
  /** Headers set on every request to this upstream: its credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of its responses that customers do not get, in lower case. */
  readonly hiddenHeaders?: readonly string[] | undefined;
  /** Undefined: known by the authorities that Node knows. */
  readonly tls?: UpstreamTls | undefined;
  /** HTTP/2 is spoken where the upstream offers it. */
  readonly http2?: boolean | undefined;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly maxConnections: number;
}

/** How an `https://` upstream is known, and how the gateway makes itself known; absolute paths. */
export interface UpstreamTls {
  readonly ca: string | undefined;
  /** With `key`, or neither. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
}

export interface PlanConfig {
  readonly name: string;
  readonly recurring: readonly {
    readonly creditType: string;
    readonly amount: Credits;
    readonly every: "day" | "week" | "month" | "year";
    readonly rollover: "none" | "all" | Credits;
    readonly anchor: "assignment" | "calendar";
  }[];
  /** For accounts with the plan, besides `limits`. */
  readonly limits: readonly LimitRule[];
  /** For keys without caps of their own. */
  readonly caps: readonly KeyCap[];
}

/** Where APIs ask for holds. */
interface SidecarConfig {
  /** Undefined: nowhere. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly path: string } | undefined;
  /** How long a hold lives that does not say it. */
  readonly holdMs: number;
  /** Prices whose amount depends on the answer, where none is seen. */
  readonly counted: "refuse" | "quote";
}

/** The endpoints that show customers their own account. */
interface CustomerApiConfig {
  readonly enabled: boolean;
  /** `/v1/credits`: every path that begins with it and a slash is answered here. */
  readonly path: string;
  /** Of one account, over the whole API; the contract's own endpoints count too where no rule of `limits` matches. */
  readonly requests: number;
  readonly windowSeconds: number;
  readonly selfService: {
    /** Whether customers may create, change, rotate and revoke keys of their account. */
    readonly keys: boolean;
    readonly maxKeys: number;
  };
}

/** Who is signed in to the pages. */
interface SessionsConfig {
  /** Names by which browsers reach them, besides those of this machine. */
  readonly hosts: readonly string[];
  readonly idleSeconds: number;
  readonly longestSeconds: number;
}

/** The pages that operators see. */
interface ConsoleConfig {
  readonly enabled: boolean;
  /** `/console`: it and every path below it is answered by the console, on the operator listener. */
  readonly path: string;
  /** Undefined: operators sign in by tokens and links alone. */
  readonly oidc?: OidcConfig | undefined;
}

/** An OpenID Connect provider that says who operators are. */
export interface OidcConfig {
  /** As the sign-in page calls it. */
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** How browsers reach the operator listener; undefined: by `http://` and the request's host. */
  readonly origin?: string | undefined;
  readonly scopes: readonly string[];
  /** The claim by which audit rows name a person. */
  readonly person: string;
  /** The first that fits says what a person may. */
  readonly roles: readonly OidcRoleRule[];
}

/** People whose claim is, or has in its list, this value. */
export interface OidcRoleRule {
  readonly role: "read" | "support" | "admin";
  readonly claim: string;
  readonly value: string;
  /** Of `support` only. */
  readonly limits?: GivingLimits | undefined;
}

/** The pages that customers see. */
interface PortalConfig {
  readonly enabled: boolean;
  /** `/portal`: it and every path below it is answered by the portal. */
  readonly path: string;
  /** Origins that may show it in a frame. */
  readonly frameAncestors: readonly string[];
  readonly brand: {
    readonly name: string;
    readonly logo: { readonly file: string; readonly body: Buffer } | undefined;
    /** `#rrggbb` in lower case; undefined: Farebox's own. */
    readonly accent: string | undefined;
  };
}

/** Exports; no kinds: there are none. */
export interface ExportsConfig {
  readonly kinds: readonly ExportKind[];
  /** Undefined: the folder `exports` in the data directory. */
  readonly storage: ExportStorageTarget | undefined;
  /** Exports that one instance works on at a time. */
  readonly workers: number;
  readonly workersPerAccount: number;
  /** How long a signed link works. */
  readonly linkSeconds: number;
}

/** Whom the gateway answers how. */
export interface ListenerConfig {
  /** Undefined: plain HTTP/1.1. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: nothing is added, and what the upstream says to browsers is passed on. */
  readonly cors: CorsConfig | undefined;
  readonly drainDelayMs: number;
  /** Address ranges of the proxies in front, whose word about their clients counts. */
  readonly trustedProxies: readonly string[];
  /** The header in which they name the client; undefined: either. */
  readonly proxyHeader: "x-forwarded-for" | "forwarded" | undefined;
}

/** The listener's certificate; absolute paths. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
  /** Requests in flight of one HTTP/2 connection. */
  readonly maxStreams: number;
}

/** Pages of other origins in browsers. */
export interface CorsConfig {
  /** `https://app.example.com`, `https://*.example.com`, or `*`; never `*` with credentials. */
  readonly origins: readonly string[];
  readonly credentials: boolean;
  /** Besides the contract's. */
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number;
}

/** Limits of the gateway, each with its reason in the schema. */
export interface GatewayLimits {
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  readonly maxRequestBodyBytes: number;
  /** Responses up to this size are buffered where their body must be read or extended; larger ones are streamed. */
  readonly maxBufferedResponseBytes: number;
  /** Of bodies in memory, of all requests together. */
  readonly maxBufferedBytes: number;
  readonly maxConcurrentPerAccount: number;
  readonly maxSocketsPerIp: number;
  readonly maxDetachedCalls: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleSocketMs: number;
  readonly writeStallMs: number;
  readonly drainMs: number;
}
