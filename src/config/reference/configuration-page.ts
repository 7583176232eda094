import { listOptions, type OptionRow, renderTable } from "./option-rows.ts";
import { configurationForm } from "./published-schemas.ts";

const INTRODUCTION = `# Configuration

<!-- Made from src/config/schema.ts by \`node src/config/reference/write-generated.ts\`. Edit the schema, not this page. -->

One file, \`farebox.yaml\`, says what an API costs and how it is sold. YAML 1.2. The first line gives editors completion:

\`\`\`yaml
# yaml-language-server: $schema=node_modules/farebox/schema/farebox.schema.json
upstream: http://127.0.0.1:9000
prices:
  - { match: "GET /v1/leads", cost: 10 }
\`\`\`

Nothing is required, but for the gateway its \`upstream\`. Unknown options are refused. All problems are reported at once, each with its path, line, reason and
fix; Farebox then exits with 2 and has started nothing. Durations are a whole number and a unit (\`250ms\`, \`30s\`, \`5m\`, \`24h\`,
\`1d\`), sizes too (\`512B\`, \`16KiB\`, \`10MiB\`), amounts of credits have at most six decimals and go up to a billion.

Secrets stay out of the file: in any text below \`upstream\`, \`keys.imported\`, \`exports.storage\` and \`console.oidc\`, \`\${env:NAME}\` is replaced by an environment variable. One that is
not set is a problem like any other. Farebox itself reads three variables: \`DATABASE_URL\` (the Postgres to use; without it the
embedded database), \`FAREBOX_OPERATOR_TOKEN\` (what operators present; at least 16 characters) and \`FAREBOX_OPERATOR_URL\` (where
the command line finds the operator API).
`;

/** docs/reference/configuration.md: every option with its default and the reason for it. */
export function renderConfigurationPage(): string {
  // Prices have a page of their own.
  const rows = listOptions(configurationForm()).filter((row) => !row.path.startsWith("prices["));
  const top = rows.filter((row) => /^\w+$/.test(row.path));
  const sections = top.flatMap((row) => renderSection(row.path, rows));
  return [INTRODUCTION, `## The file\n\n${renderRows(top)}\n`, ...sections].join("\n");
}

function renderSection(name: string, rows: readonly OptionRow[]): readonly string[] {
  const inner = rows.filter((row) => row.path.startsWith(`${name}.`) || row.path.startsWith(`${name}[`));
  return inner.length === 0 ? [] : [`## ${name}\n\n${renderRows(inner)}\n`];
}

function renderRows(rows: readonly OptionRow[]): string {
  return renderTable(
    ["option", "default", "what it says", "why this default"],
    rows.map((row) => [`\`${row.path}\``, row.fallback, row.description, row.reason]),
  );
}
