/** What the code of one folder of src may import, besides its own. Everything else is an error. */
interface Folder {
  /** Folders of src. */
  readonly folders: readonly string[];
  /** Packages that are installed. */
  readonly packages: readonly string[];
  /** Modules of Node, without `node:`; "any" for what does I/O anyway. */
  readonly node: readonly string[] | "any";
  /**
   * For each room the rooms of the same folder that it may import. A file with a line of its own is one that the rooms stand
   * on; `top` is all other files beside the rooms. None: the folder is one room, whatever it has inside.
   */
  readonly rooms?: Readonly<Record<string, readonly string[]>>;
}

/**
 * The layers, from the ground up: who may import whom. layers.test.ts holds every import to it, of types too, and every arrow to
 * be used. ARCHITECTURE.md shows it.
 */
export const ALLOWED: Readonly<Record<string, Folder>> = {
  domain: {
    folders: [],
    packages: ["find-my-way"],
    // Of `net` what reads and compares addresses: it opens nothing.
    node: ["net"],
    rooms: {
      json: [],
      top: ["json"],
      sessions: [],
      pools: [],
      routes: ["top"],
      leases: ["top"],
      prices: ["json", "top", "routes"],
      keys: ["top", "routes", "prices"],
    },
  },
  http: { folders: [], packages: [], node: ["events", "http", "net"] },
  client: { folders: ["domain"], packages: [], node: [] },
  contract: { folders: ["domain"], packages: ["yaml", "zod"], node: ["fs", "http", "path"] },
  openapi: { folders: ["domain", "contract"], packages: ["jsonc-parser", "yaml"], node: [] },
  config: { folders: ["domain", "contract", "openapi"], packages: ["zod"], node: ["fs", "path"] },
  ledger: {
    folders: ["domain"],
    packages: ["@electric-sql/pglite", "pg"],
    node: "any",
    rooms: {
      "ledger.ts": [],
      database: [],
      operators: ["database"],
      sessions: ["database"],
      accounts: ["database"],
      "price-lists": ["ledger.ts", "database", "accounts"],
      pools: ["ledger.ts", "database", "accounts"],
      audit: ["database", "pools"],
      instance: ["ledger.ts", "database", "accounts", "pools", "price-lists"],
      reports: ["ledger.ts", "database", "instance", "pools"],
      keys: ["ledger.ts", "database", "accounts", "pools"],
      limits: ["ledger.ts", "database"],
      plans: ["database", "accounts", "keys", "pools"],
      refunds: ["ledger.ts", "database", "accounts", "operators", "pools", "reports"],
      exports: ["database", "accounts", "instance", "pools"],
      batch: ["ledger.ts", "database", "accounts", "instance"],
      "long-holds": ["ledger.ts", "database", "accounts", "instance", "batch"],
      calls: [
        "ledger.ts",
        "database",
        "exports",
        "long-holds",
        "keys",
        "pools",
        "price-lists",
        "refunds",
        "reports",
      ],
      sweep: ["database", "instance", "keys", "operators", "reports", "sessions"],
      health: ["database", "audit", "reports", "sweep"],
      top: ["ledger.ts", "database", "instance", "keys", "limits", "pools", "refunds", "batch", "sweep"],
    },
  },
  meter: { folders: ["domain", "contract", "ledger"], packages: [], node: ["crypto"] },
  exports: {
    folders: ["domain", "ledger"],
    packages: ["@aws-sdk/client-s3", "undici"],
    node: "any",
  },
  pages: { folders: ["domain", "contract"], packages: [], node: ["fs", "path", "zlib"] },
  exchange: {
    folders: ["domain", "contract", "config", "meter", "exports", "pages"],
    packages: ["undici"],
    node: ["buffer", "crypto", "http", "net", "stream", "zlib"],
    rooms: {
      headers: [],
      body: [],
      parts: ["headers"],
      request: ["headers", "body", "parts"],
      response: ["headers", "body", "parts"],
      upstream: ["headers", "body", "parts", "response"],
      endpoints: ["headers", "parts", "request", "response"],
      top: ["headers", "parts", "request", "response", "upstream", "endpoints"],
    },
  },
  trial: { folders: ["domain", "contract", "config", "exchange"], packages: [], node: [] },
  gateway: {
    folders: ["domain", "config", "exchange"],
    packages: ["undici"],
    node: "any",
    rooms: { upstreams: [], listener: [], top: ["upstreams", "listener"] },
  },
  holds: { folders: ["domain", "ledger", "meter", "exchange"], packages: [], node: ["crypto"] },
  sidecar: {
    folders: ["domain", "http", "contract", "config", "ledger", "meter", "exchange", "holds"],
    packages: ["@hono/zod-openapi"],
    node: "any",
  },
  middleware: {
    folders: ["domain", "exchange"],
    packages: ["express", "fastify", "hono", "undici"],
    node: ["events", "http", "net", "stream"],
  },
  telemetry: {
    folders: ["domain", "ledger", "meter", "exports", "exchange", "gateway", "holds", "sidecar"],
    packages: ["pino", "prom-client"],
    node: "any",
  },
  api: {
    folders: ["domain", "http", "contract", "config", "ledger", "meter", "exports", "pages", "telemetry"],
    packages: ["@hono/node-server", "@hono/zod-openapi", "hono", "zod"],
    node: "any",
    rooms: {
      top: [],
      wire: [],
      "price-lists": ["wire"],
      pools: ["top"],
      keys: ["top", "wire"],
      exports: ["wire"],
      customer: ["top", "wire", "price-lists", "pools", "keys", "exports"],
      operator: ["top", "wire", "price-lists", "pools", "keys", "exports"],
    },
  },
  sessions: {
    folders: ["domain", "contract", "config", "ledger", "pages"],
    packages: ["openid-client", "zod"],
    node: ["crypto"],
    rooms: { top: [], portal: ["top"], console: ["top"] },
  },
  server: {
    folders: [
      "domain",
      "contract",
      "config",
      "ledger",
      "meter",
      "exports",
      "gateway",
      "holds",
      "sidecar",
      "pages",
      "telemetry",
      "api",
      "sessions",
    ],
    packages: ["undici", "zod"],
    node: "any",
  },
  cli: {
    folders: ["domain", "client", "openapi", "config", "ledger", "trial", "telemetry", "api", "server"],
    packages: ["cli-table3", "commander", "undici", "zod"],
    node: "any",
    rooms: {
      terminal: [],
      operator: [],
      "cli.ts": ["terminal", "operator"],
      render: ["cli.ts", "operator"],
      process: ["cli.ts"],
      commands: ["cli.ts", "terminal", "operator", "render", "process"],
      top: ["cli.ts", "terminal", "operator", "commands"],
    },
  },
  embed: {
    folders: ["domain", "config", "ledger", "middleware", "sidecar", "server", "telemetry"],
    packages: ["@hono/zod-openapi", "fastify", "hono"],
    node: ["fs", "http"],
  },
  mcp: {
    folders: ["domain", "client", "embed"],
    packages: ["@modelcontextprotocol/sdk", "zod"],
    node: [],
  },
  "index.ts": {
    folders: ["domain", "config", "ledger", "telemetry", "server", "embed"],
    packages: [],
    node: [],
  },
};

/**
 * What the test code of a folder may import besides what the folder may: `*.test.ts`, `testing/` and what only generates files,
 * `generate/`. It takes any package and any of Node, and minds no rooms; what ships imports none of it.
 */
export const ALLOWED_IN_TESTS: Readonly<Record<string, readonly string[]>> = {
  // What the APIs describe is what the clients are generated from and tried against.
  client: ["contract", "config", "ledger", "exports", "api"],
  // A gateway is tried with contracts, and with meters of its own.
  gateway: ["contract", "meter"],
  // Its client on a bare socket sees how a connection ends.
  http: ["gateway"],
  // The gateway's world tries it, by handlers that ask what a gateway would.
  middleware: ["gateway"],
};

/** Folders beside src, and which others they may import. */
export const ALLOWED_OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  examples: ["src"],
  bench: ["src"],
  tests: ["src", "examples"],
  // Pages run in browsers: what they take of src must too.
  console: ["src/domain", "src/client"],
};
