/** What an SQLSTATE of the environment's says; see {@link ENVIRONMENT}. */
export interface StateRule {
  /**
   * Whether the session that answered it can still succeed. One that cannot is closed, and the next query opens another; `drop all`:
   * what holds for it holds for all that were open.
   */
  readonly session: "keep" | "drop" | "drop all";
  /** `none`: the statement was certainly rolled back. `unknown`: it may have been committed. */
  readonly effect: "none" | "unknown";
  /** `away`: the server, or the way to it, is not there. `busy`: it is there, and somebody or something was in the way. */
  readonly means: "away" | "busy";
  readonly why: string;
}

/**
 * SQLSTATEs, or their two-letter classes, that say nothing about the statement: the server or the way to it failed, or another
 * session was in the way. The same call may succeed later, on this session or on another one.
 */
export const ENVIRONMENT: Readonly<Record<string, StateRule>> = {
  "08": rule("drop", "unknown", "away", "the connection failed, or a pooler lost the server behind it"),
  "25006": rule(
    "drop all",
    "none",
    "away",
    "a server that was demoted stays a standby: this session reads for ever",
  ),
  "25P03": rule(
    "drop",
    "unknown",
    "busy",
    "idle in a transaction for too long: the server has ended the session",
  ),
  "25P04": rule("drop", "unknown", "busy", "a transaction took too long: the server has ended the session"),
  "26000": rule(
    "drop",
    "none",
    "busy",
    "the session has lost its statements: another one prepares them anew",
  ),
  "40": rule("keep", "unknown", "busy", "rolled back for another transaction's sake"),
  "40001": rule("keep", "none", "busy", "a serialization failure: the next attempt may win"),
  "40003": rule("drop", "unknown", "away", "the server does not know what became of the statement"),
  "40P01": rule("keep", "none", "busy", "a deadlock's victim: the next attempt may win"),
  "42P05": rule(
    "drop",
    "none",
    "busy",
    "the session has another's statement of this name: another one has not",
  ),
  "53": rule("keep", "none", "busy", "no disk or limit left: every session of the server meets the same"),
  "53200": rule("drop", "none", "busy", "no memory left: what this session holds is freed with it"),
  "53300": rule("drop", "none", "away", "too many connections: this one was never made"),
  "55P03": rule("keep", "none", "busy", "a lock was not to be had in time"),
  "57": rule("drop", "unknown", "away", "the operator's intervention ended the session"),
  "57014": rule("keep", "none", "busy", "the statement was cancelled, by its time limit or a person"),
  "57P01": rule("drop", "unknown", "away", "the server shuts down, or somebody ended the session"),
  "57P02": rule("drop", "unknown", "away", "another process of the server crashed, and all sessions with it"),
  "57P03": rule("drop", "none", "away", "the server starts, stops or recovers"),
  "57P04": rule("drop", "unknown", "away", "the database was dropped"),
  "57P05": rule("drop", "unknown", "busy", "idle for too long: the server has ended the session"),
  "58": rule("keep", "unknown", "busy", "the server's own I/O failed: another session would meet the same"),
};

/** The rule of an SQLSTATE, or of its class; undefined for one that the statement is to blame for. */
export function ruleOf(state: string | undefined): StateRule | undefined {
  if (state === undefined) return undefined;
  return ENVIRONMENT[state] ?? ENVIRONMENT[state.slice(0, 2)];
}

function rule(
  session: StateRule["session"],
  effect: StateRule["effect"],
  means: StateRule["means"],
  why: string,
): StateRule {
  return { session, effect, means, why };
}
