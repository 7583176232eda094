import type {
  AccountState,
  BalanceFacts,
  GrantFacts,
  StateNeeds,
} from "../../contract/account/account-state.ts";
import type { SettledFacts } from "../../contract/contract.ts";
import type { Credits } from "../../domain/credits.ts";
import type { Identity } from "../../meter/meter.ts";
import { RecentMap } from "../../meter/recent-map.ts";

/** Reads what the contract shows of an account. Rejects like the meter's `balances`. */
export type ReadAccountState = (identity: Identity, needs: StateNeeds) => Promise<AccountState>;

/** Accounts whose state is remembered. */
const MAX_ACCOUNTS = 10_000;
/** So old may be what is shown where nothing was charged by this request: a flood of refused ones reads it once a second. */
const RECENT_MS = 1_000;
/** Charges that are told within this long of a look were mostly committed before it. */
const BATCH_MS = 100;
/** The answer does not wait longer for what it would only show. */
const PATIENCE_MS = 500;

interface Known {
  /** Monotonic ms at which it was asked for. */
  readonly askedAt: number;
  readonly state: Promise<AccountState | undefined>;
  /** By credit type, the balance that the last charge since left: what is told next of it is not above that. */
  readonly left: Map<string, Credits>;
}

/**
 * What answers show of their account beside their own charge. It is read at most once a second for an account; between, what each charge
 * leaves is exact, and the rest follows from it: grants are drawn in a known order.
 */
export class AccountStates {
  readonly #read: ReadAccountState;
  readonly #needs: StateNeeds;
  readonly #known = new RecentMap<Known>(MAX_ACCOUNTS);

  constructor(read: ReadAccountState, needs: StateNeeds) {
    this.#read = read;
    this.#needs = needs;
  }

  /**
   * Undefined: it could not be read in time. `fresh`: asked for after this call began; else one look serves a second, less what
   * charges took that were told since.
   */
  async of(identity: Identity, fresh: boolean): Promise<AccountState | undefined> {
    if (fresh) return identity.unconfirmed === true ? undefined : await this.#ask(identity);
    const state = await this.#recent(identity);
    const left = this.#known.get(identity.accountId)?.left ?? [];
    return (
      state && [...left].reduce((seen, [creditType, balance]) => drawn(seen, creditType, balance), state)
    );
  }

  async #recent(identity: Identity): Promise<AccountState | undefined> {
    if (identity.unconfirmed === true) return undefined;
    const known = this.#known.get(identity.accountId);
    if (known !== undefined && performance.now() - known.askedAt < RECENT_MS) return await known.state;
    return await this.#ask(identity);
  }

  /** The facts of a charge with the state of the account behind it. */
  async after(identity: Identity, facts: SettledFacts): Promise<SettledFacts> {
    const recent = await this.#recent(identity);
    const pool = recent && poolOf(recent, facts.creditType);
    // Credits came, or the account is new to us: what was read before is no beginning.
    const isBehind = recent !== undefined && (pool === undefined || pool.balance < facts.balance);
    const state = isBehind ? await this.#again(identity) : recent;
    const { creditType, charged, balance, units } = facts;
    this.note(identity, facts);
    return { creditType, charged, balance, units, state: state && drawn(state, creditType, balance) };
  }

  /** A charge is told: an answer that is not charged tells no more than it left. */
  note({ accountId }: Identity, { creditType, balance }: SettledFacts): void {
    this.#known.get(accountId)?.left.set(creditType, balance);
  }

  /** Charges of one batch are told one after the other, and what the last left is behind the first: one look serves all. */
  #again(identity: Identity): Promise<AccountState | undefined> {
    const known = this.#known.get(identity.accountId);
    const isNew = known !== undefined && performance.now() - known.askedAt < BATCH_MS;
    return isNew ? known.state : this.#ask(identity);
  }

  async #ask(identity: Identity): Promise<AccountState | undefined> {
    const reading = this.#read(identity, this.#needs).catch(() => undefined);
    const state = within(reading);
    this.#known.set(identity.accountId, { askedAt: performance.now(), state, left: new Map() });
    return await state;
  }
}

/** A state that comes late is none. */
async function within(reading: Promise<AccountState | undefined>): Promise<AccountState | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  const state = await Promise.race([reading, late]);
  clearTimeout(timer);
  return state;
}

export function poolOf(state: AccountState, creditType: string): BalanceFacts | undefined {
  return state.pools.find((pool) => pool.creditType === creditType);
}

/** The state when the pool's balance is what a charge left: what is missing was spent, by this charge or others. */
function drawn(state: AccountState, creditType: string, balance: Credits): AccountState {
  const pools = state.pools.map((pool) => {
    if (pool.creditType !== creditType || pool.balance <= balance) return pool;
    const spent = pool.balance - balance;
    return {
      ...pool,
      balance,
      lifetime: pool.lifetime + spent,
      used: pool.used === undefined ? undefined : pool.used + spent,
      grants: drawGrants(pool.grants, spent),
    };
  });
  return { ...state, pools };
}

function drawGrants(grants: readonly GrantFacts[], spent: Credits): readonly GrantFacts[] {
  let left = spent;
  return grants.flatMap((grant) => {
    const taken = grant.remaining < left ? grant.remaining : left;
    left -= taken;
    return taken === grant.remaining && taken > 0n ? [] : [{ ...grant, remaining: grant.remaining - taken }];
  });
}
