import { compileJson, type ListMembers } from "../json-template.ts";
import type { TemplateProblem } from "../template.ts";
import type { Vocabulary } from "../vocabulary.ts";
import { entry, momentEntries } from "../vocabulary-entries.ts";
import type { GrantFacts } from "./account-state.ts";
import { type PoolFacts, poolVocabulary } from "./pool-vocabulary.ts";

/** A grant of a pool while it is rendered. */
export interface GrantLineFacts extends PoolFacts {
  readonly grant: GrantFacts;
  /** Its source in the contract's word. */
  readonly source: string;
}

const SOURCES: readonly string[] = ["recurring", "topup", "promo", "adjustment", "refund"];

/** Placeholders of a grant below `$eachGrant`, besides those of its pool. */
export const grantVocabulary: Vocabulary<GrantLineFacts> = {
  grantId: entry("the grant's id", ({ grant }) => grant.grantId),
  source: entry("where it came from, in the word that `$sources` gives", ({ source }) => source),
  amount: entry("credits granted", ({ grant }) => grant.amount),
  remaining: entry("credits left of it", ({ grant }) => grant.remaining),
  ...momentEntries<GrantLineFacts>("granted", "when it was granted", ({ grant }) =>
    grant.grantedAt.getTime(),
  ),
  ...momentEntries<GrantLineFacts>("expires", "when it expires; null: never", ({ grant }) =>
    grant.expiresAt?.getTime(),
  ),
  ...poolVocabulary,
};

/**
 * `$eachGrant`: the pool's grants with something left, the one that expires soonest first. `$sources` says which are listed, and
 * what each source is called; `$only: expiring` leaves out those that never expire; `$empty: absent` leaves the member out when there are none.
 */
export function grantLists<Facts extends PoolFacts>(problems: TemplateProblem[]): ListMembers<Facts> {
  return {
    $eachGrant: {
      options: ["$sources", "$only", "$empty"],
      compile(item, path, options) {
        const render = compileJson<GrantLineFacts>(item, grantVocabulary, problems, path);
        const words = readSources(options["$sources"], problems, path);
        const onlyExpiring = readWord(options, "$only", ["expiring"], problems, path) === "expiring";
        const isAbsentWhenEmpty =
          readWord(options, "$empty", ["absent", "list"], problems, path) === "absent";
        const list = ({ pool }: Facts): readonly GrantFacts[] =>
          (pool?.grants ?? [])
            .filter(({ source, expiresAt }) => words.has(source) && !(onlyExpiring && expiresAt === null))
            .toSorted(bySoonestEnd);
        return {
          render: (facts) =>
            `[${list(facts)
              .map((grant) => render({ ...facts, grant, source: words.get(grant.source) ?? grant.source }))
              .join(",")}]`,
          isAbsent: isAbsentWhenEmpty ? (facts) => list(facts).length === 0 : undefined,
        };
      },
    },
  };
}

/** Those that never expire come last; of the same moment the one that is drawn first. */
function bySoonestEnd(one: GrantFacts, other: GrantFacts): number {
  const end = (grant: GrantFacts): number => grant.expiresAt?.getTime() ?? Number.MAX_SAFE_INTEGER;
  return end(one) - end(other);
}

function readSources(
  given: unknown,
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): ReadonlyMap<string, string> {
  if (given === undefined) return new Map(SOURCES.map((source) => [source, source]));
  const entries = typeof given === "object" && given !== null ? Object.entries(given) : [];
  const words = entries.flatMap(([source, word]): [string, string][] =>
    SOURCES.includes(source) && typeof word === "string" ? [[source, word]] : [],
  );
  if (entries.length === 0 || words.length < entries.length || Array.isArray(given)) {
    problems.push({
      path: [...path.slice(0, -1), "$sources"],
      reason: "does not give words to sources of grants",
      fix: `write { topup: purchase }; the sources are ${SOURCES.join(", ")}`,
    });
  }
  return new Map(words);
}

function readWord(
  options: Readonly<Record<string, unknown>>,
  name: string,
  words: readonly string[],
  problems: TemplateProblem[],
  path: TemplateProblem["path"],
): unknown {
  const given = options[name];
  if (given !== undefined && !words.some((word) => word === given)) {
    problems.push({
      path: [...path.slice(0, -1), name],
      reason: `${JSON.stringify(given)} is not known here`,
      fix: `write ${words.join(" or ")}`,
    });
  }
  return given;
}
