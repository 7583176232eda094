import { grantVocabulary } from "../../contract/account/grant-list.ts";
import { poolVocabulary } from "../../contract/account/pool-vocabulary.ts";
import {
  usageLineVocabulary,
  usageProblemVocabulary,
  usageVocabulary,
} from "../../contract/endpoints/usage-vocabulary.ts";
import {
  exportFileVocabulary,
  exportVocabulary,
  fileNameVocabulary,
} from "../../contract/exports/export-vocabulary.ts";
import { listContracts, readDefaults } from "../../contract/load-contract.ts";
import { rateLimitVocabulary } from "../../contract/rate-limit-vocabulary.ts";
import {
  errorShapeVocabulary,
  fieldFaultVocabulary,
  ownVocabulary,
} from "../../contract/refusal-vocabulary.ts";
import { settledVocabulary } from "../../contract/settled-vocabulary.ts";
import type { Vocabulary } from "../../contract/vocabulary.ts";
import { REFUSAL_CODES } from "../../domain/refusal.ts";
import { listOptions, renderTable } from "./option-rows.ts";
import { contractForm } from "./published-schemas.ts";

const INTRODUCTION = `# Contracts

<!-- Made from src/contract by \`node src/config/reference/write-generated.ts\`. Edit the schema or the vocabulary, not this page. -->

A contract is a file that says how Farebox looks on the wire to the API's customers: where the key is read, the status and body of
each refusal, the headers of charged responses, rate-limit headers, the usage object, balance endpoints, exports. \`contract:\` in
[farebox.yaml](configuration.md) names a shipped one (${listContracts()
  .map((name) => `\`${name}\``)
  .join(", ")}) or the path of your own, relative to farebox.yaml.
Each reproduces what a vendor documents, and names its sources: copy the nearest. \`contracts/examples\` has a configuration with the
vendor's kind of prices for those that have no example provider. The smallest of your own:

\`\`\`yaml
name: acme
key: [{ header: x-api-key }]
errorShape:
  body: { error: { code: "\${code}", message: "\${message}" } }
settled:
  - { header: X-Credits-Left, value: "\${balance}" }
\`\`\`

## Templates

A text may hold placeholders, \`\${name}\`. In a JSON body a text that is exactly one placeholder takes the value with its type: a
number, true, false or null; in any other text it is printed into it, and null prints as nothing. Amounts of credits are plain decimal
numbers (9406, 9406.5, 0.03). \`$\${\` stands for a literal \`\${\`. A placeholder that a place does not know is refused when the contract
is loaded, with what was meant and the likeliest of those it knows. Bodies are written without spaces, members in the order of the file. Placeholders in headers
lose every sign that a header cannot hold, so no value can start another header.

## Inheritance

A contract begins with the status, title, message and Retry-After that the \`farebox\` contract gives to each refusal code, and answers
with its own \`errorShape\`. Under \`refusals\` any part of a code can be replaced. Bodies and other headers are never inherited. Every
rendered answer carries \`Cache-Control: no-store\`; HTTP framing, \`Date\` and \`X-Request-Id\` are the gateway's.

A contract may extend a shipped one, and then says only what differs. Explorium documents two bodies of its 429; this chooses the other:

\`\`\`yaml
name: explorium-of-ours
extends: explorium
refusals:
  rate_limited:
    message: "API rate limit exceeded. Please retry after \${resetSeconds} seconds."
    body: { error: rate_limit_exceeded, message: "\${message}", retry_after: "\${resetSeconds}" }
\`\`\`

## The key

A key stands in a header (\`{ header: x-api-key }\`), after a scheme (\`{ header: Authorization, schemes: [Bearer] }\`), in Basic
credentials (\`{ header: Authorization, basic: user }\` or \`basic: password\`) or in the query (\`{ query: api_key }\`).

All sources are read. One header or parameter sent twice, or two sources with different keys, is ambiguous: \`request_invalid\`. No
credentials, or empty ones, are \`key_missing\`; a scheme that the contract does not list is \`key_invalid\`. Every header named under
\`key\` is removed before the request is forwarded. Headers that frame a message, belong to a connection or mean something else
(\`Content-Length\`, \`Host\`, \`Idempotency-Key\`, \`X-Forwarded-For\` …) carry no key: a contract that names one is refused.

A 401 names every place in \`WWW-Authenticate\`, unless the contract writes that header itself.

A key in the query is taken out before anything else sees the query: prices, request hashes, logs and the upstream. All other
parameters stay byte for byte as they came. The parameter is known in any letter case and encoding; one that readers may take for it
(\`api_key[]\`, or after a semicolon) is \`request_invalid\`. Keys in addresses end up in the logs of what stands in front of Farebox and
in the histories of browsers: read them there only where the API's customers already send them there.
`;

/** docs/reference/contracts.md: every field and placeholder of a contract file. */
export function renderContractsPage(): string {
  return [
    INTRODUCTION,
    `## Fields\n\n${renderFields()}\n`,
    `## Refusals\n\nWhat the \`farebox\` contract says, and every other one unless it says otherwise.\n\n${renderRefusals()}\n`,
    section(
      "Placeholders of every refusal",
      "In `errorShape` and `refusals`; `message` not in messages.",
      errorShapeVocabulary,
    ),
    `## Placeholders of one refusal\n\n${renderOwn()}\n`,
    section(
      "Placeholders of a wrong field",
      "In `fields_invalid`, below `{ $eachField: … }`: each wrong field in turn.",
      fieldFaultVocabulary,
    ),
    section(
      "Placeholders of `settled` and `usage`",
      "The first four below are known of every charge. All others are read from the database: at most once a second for an account, and before each answer that is not charged. Between, what a charge leaves is exact and the rest follows from it; charges of other instances may show up to a second late in all but `balance`. What could not be read in half a second is left out.",
      settledVocabulary,
    ),
    section("Placeholders of `rateLimit`", "", rateLimitVocabulary),
    section(
      "Placeholders of `endpoints`",
      "In the body, the pool of `creditType`; in `{ $eachPool: … }`, each pool in turn: one for each of the configuration's `creditTypes`, in their order, also where the account has nothing of it yet. `${pools.search.balance}` is the pool of a credit type, wherever it stands; one that is not among `creditTypes` is refused.",
      poolVocabulary,
    ),
    section(
      "Placeholders of a grant",
      "Below `{ $eachGrant: … }`, in a pool's place: its grants with something left, the one that expires soonest first. Beside it may stand `$sources`, which says which are listed and what their sources are called (`{ topup: purchase, promo: granted }`; default: all, by their own names), `$only: expiring`, which leaves out those that never expire, and `$empty: absent`, which leaves the member out when there are none.",
      grantVocabulary,
    ),
    section(
      "Placeholders of usage endpoints",
      "In the body of `answers: usage`. `{ $eachLine: … }` is the list of its lines; below it stands one form for all, or one for each kind: `{ hour: …, day: …, month: …, endpoint: … }`.",
      usageVocabulary,
    ),
    section("Placeholders of a line of usage", "Below `$eachLine`.", usageLineVocabulary),
    section("Placeholders of a usage endpoint's `errors`", "", usageProblemVocabulary),
    section("Placeholders of `exports`", "In `created`, `running` and `files`.", exportVocabulary),
    section(
      "Placeholders of a file of an export",
      "Below `$eachFile`, in the body of `exports.files`.",
      exportFileVocabulary,
    ),
    section("Placeholders of `exports.fileNames`", "", fileNameVocabulary),
  ].join("\n");
}

function renderFields(): string {
  const rows = listOptions(contractForm()).filter((row) => row.description !== "");
  return renderTable(
    ["field", "default", "what it says"],
    rows.map((row) => [
      `\`${row.path.replace("refusals.<name>", "refusals.<code>")}\``,
      row.fallback,
      row.description,
    ]),
  );
}

function renderRefusals(): string {
  const defaults = readDefaults();
  const rows = REFUSAL_CODES.map((code) => {
    const { status, title = "", message = "", retryAfter } = defaults[code] ?? {};
    return [
      `\`${code}\``,
      String(status),
      title,
      message,
      retryAfter === undefined ? "" : `\`${String(retryAfter)}\``,
    ];
  });
  return renderTable(["code", "status", "title", "message", "Retry-After"], rows);
}

function renderOwn(): string {
  const rows = REFUSAL_CODES.flatMap((code) =>
    Object.entries(ownVocabulary(code)).map(([name, { means }]) => [`\`${code}\``, `\`\${${name}}\``, means]),
  );
  return renderTable(["code", "placeholder", "what it stands for"], rows);
}

function section(title: string, note: string, vocabulary: Vocabulary<never>): string {
  const rows = Object.entries(vocabulary).map(([name, { means }]) => [`\`\${${name}}\``, means]);
  const table = renderTable(["placeholder", "what it stands for"], rows);
  return `## ${title}\n\n${note === "" ? "" : `${note}\n\n`}${table}\n`;
}
