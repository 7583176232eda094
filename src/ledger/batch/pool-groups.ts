import type { Numbers } from "../instance/numbers.ts";
import type { PoolRef } from "../ledger.ts";

interface NumberedPool {
  readonly accountNo: number;
  readonly typeNo: number;
}

/** More than there are credit types: a pool's two numbers make one key. */
const TYPES = 32_768;

/** What a batch has of each pool. */
export class PoolGroups<Group extends NumberedPool> {
  readonly #numbers: Numbers;
  readonly #create: (accountNo: number, typeNo: number) => Group;
  readonly #groups = new Map<number, Group>();

  constructor(numbers: Numbers, create: (accountNo: number, typeNo: number) => Group) {
    this.#numbers = numbers;
    this.#create = create;
  }

  of(pool: PoolRef): Group {
    const { accountNo, typeNo } = this.#numbers.poolOf(pool);
    const key = accountNo * TYPES + typeNo;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = this.#create(accountNo, typeNo);
      this.#groups.set(key, group);
    }
    return group;
  }

  /** In the order of their keys: it is the order in which all batches lock. */
  sorted(): Group[] {
    return [...this.#groups.entries()].sort(([left], [right]) => left - right).map(([, group]) => group);
  }
}
