import { createHash, hash, timingSafeEqual } from "node:crypto";
import { FareboxError } from "../../domain/farebox-error.ts";
import { mayActAs } from "../../domain/operator-role.ts";
import type { Queryable } from "../../ledger/database/database.ts";
import { findOperator } from "../../ledger/operators/operator-tokens.ts";

/** A token that was revoked is refused at the latest so long after; it is looked at once in that time. */
const KNOWN_MS = 5_000;
/** Of wrong ones nothing is remembered. */
const MOST_KNOWN = 1_000;
const LONGEST_TOKEN = 500;

interface Known {
  readonly until: number;
  readonly isPermitted: Promise<boolean | undefined>;
}

/** Who may ask the sidecar: the operator token, and named tokens with the role `meter` or `admin`. */
export class Senders {
  readonly #database: Queryable;
  readonly #operatorToken: Buffer;
  readonly #known = new Map<string, Known>();

  constructor(database: Queryable, operatorToken: string) {
    this.#database = database;
    this.#operatorToken = digest(operatorToken);
  }

  /** Rejects with FareboxError `operator_unauthorized`, `role_not_permitted`, and like the database. */
  async check(token: string | undefined): Promise<void> {
    if (token === undefined || token.length > LONGEST_TOKEN) refuse();
    const isPermitted = await this.#ask(token);
    if (isPermitted === undefined) refuse();
    if (!isPermitted)
      throw new FareboxError("role_not_permitted", "This needs a token with the role meter.", {
        detail: { needed: "meter" },
      });
  }

  /** Undefined: nobody has it. */
  #ask(token: string): Promise<boolean | undefined> | boolean {
    const known = this.#known.get(token);
    if (known !== undefined && known.until > performance.now()) return known.isPermitted;
    if (timingSafeEqual(digest(token), this.#operatorToken)) return true;
    const isPermitted = findOperator(this.#database, hash("sha256", token, "hex")).then(
      (operator) => operator && mayActAs(operator.role, "meter"),
    );
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(token, { until: performance.now() + KNOWN_MS, isPermitted });
    isPermitted.then(
      (is) => is === undefined && this.#known.delete(token),
      () => this.#known.delete(token),
    );
    return isPermitted;
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function refuse(): never {
  throw new FareboxError(
    "operator_unauthorized",
    "The token is missing, wrong, expired or revoked: send it as `Authorization: Bearer <token>`.",
  );
}
