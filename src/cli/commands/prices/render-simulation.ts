import { renderTable } from "../../render/table.ts";
import type { WholeSimulation } from "./simulation-parts.ts";

type Line = WholeSimulation["lines"][number];

const DOUBTS: Readonly<Record<WholeSimulation["doubts"][number]["reason"], string>> = {
  no_price: "no price in the file",
  free: "free in the file",
  status_not_charged: "the file does not charge their status",
  conditions_unknown: "the record does not tell which of several conditional prices applies",
  match_divided: "the file divides this match among several, and the record has no path",
  results_unknown: "the file counts results that the record does not have",
  tiers_unknown: "the file has tiers, and the record does not tell what had been used",
  repeats_unknown: "the file charges once in a window, and the record does not tell repeats",
};

const UNRECORDED: Readonly<Record<WholeSimulation["unrecorded"][number]["reason"], string>> = {
  newly_priced: "calls were free",
  more_statuses: "statuses that were free are charged",
  empty_results: "calls without results, or with included ones alone, were free",
  fewer_repeats: "repeats that were free are charged",
};

/** A simulation for people: totals, the largest changes, what is not known, what was assumed. */
export function renderSimulation(simulation: WholeSimulation, limit: number): string {
  const { from, to, totals, lines, doubts, unrecorded, assumptions } = simulation;
  if (totals.length === 0) return `No charges from ${from} to ${to}.\n${renderUnrecorded(unrecorded)}`;
  const sections = [
    `${from} to ${to}\n`,
    renderTable(
      ["CREDIT TYPE", "CHARGES", "BEFORE", "AFTER", "CHANGE", "REFUNDED, LEFT OUT"],
      totals.map((total) =>
        [total.creditType, String(total.charges)].concat(
          renderAmounts(total),
          `${total.leftOutCredits} in ${total.leftOut}`,
        ),
      ),
    ),
    renderTable(
      ["ACCOUNT", "CREDIT TYPE", "ENDPOINT", "CHARGES", "BEFORE", "AFTER", "CHANGE"],
      lines
        .slice(0, limit)
        .map((line) =>
          [line.account, line.creditType, line.endpoint, String(line.charges)].concat(renderAmounts(line)),
        ),
    ),
    lines.length > limit ? `${lines.length - limit} smaller changes: --limit ${lines.length}\n` : "",
    renderDoubts(doubts),
    renderUnrecorded(unrecorded),
    `Assumed:\n${assumptions.map((text) => `  ${text}\n`).join("")}`,
  ];
  return sections.filter((section) => section !== "").join("\n");
}

/** Before, after and the change; a range where the record does not tell exactly. */
function renderAmounts({ before, least, most }: Pick<Line, "before" | "least" | "most">): string[] {
  const change = (after: number): string => {
    const difference = Number((after - before).toFixed(6));
    return difference > 0 ? `+${difference}` : String(difference);
  };
  if (least === most) return [String(before), String(least), change(least)];
  return [String(before), `${least} to ${most}`, `${change(least)} to ${change(most)}`];
}

function renderDoubts(doubts: WholeSimulation["doubts"]): string {
  if (doubts.length === 0) return "";
  const lines = doubts.map(
    ({ reason, endpoint, charges }) => `  ${charges} of ${endpoint}: ${DOUBTS[reason]}\n`,
  );
  return `Charges that are 0, or not exact:\n${lines.join("")}`;
}

function renderUnrecorded(unrecorded: WholeSimulation["unrecorded"]): string {
  if (unrecorded.length === 0) return "";
  const lines = unrecorded.map(({ reason, endpoint }) => `  ${endpoint}: ${UNRECORDED[reason]}\n`);
  return `Not counted, because such calls left no entry:\n${lines.join("")}`;
}
