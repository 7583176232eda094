import type { PriceJson } from "../../formats/price-words.ts";

interface Priced {
  readonly endpoint: string;
  readonly price: PriceJson;
}

interface Compared {
  readonly added: readonly Priced[];
  readonly removed: readonly Priced[];
  readonly changed: readonly {
    readonly endpoint: string;
    readonly members: readonly { readonly member: string; readonly from: unknown; readonly to: unknown }[];
  }[];
}

/** What a list that is being written changes, member by member; prices of one endpoint are told apart by their plans and conditions. */
export function comparePrices(before: readonly PriceJson[], after: readonly PriceJson[]): Compared {
  const [old, now] = [byPlace(before), byPlace(after)];
  const changed = [...now].flatMap(([place, to]) => {
    const from = old.get(place);
    if (from === undefined) return [];
    const members = [...new Set([...Object.keys(from), ...Object.keys(to)])]
      .filter((member) => JSON.stringify(from[member]) !== JSON.stringify(to[member]))
      .map((member) => ({ member, from: from[member], to: to[member] }));
    return members.length === 0 ? [] : [{ endpoint: endpointOf(to), members }];
  });
  const onlyIn = (one: ReadonlyMap<string, PriceJson>, other: ReadonlyMap<string, PriceJson>): Priced[] =>
    [...one]
      .filter(([place]) => !other.has(place))
      .map(([, price]) => ({ endpoint: endpointOf(price), price }));
  return { added: onlyIn(now, old), removed: onlyIn(old, now), changed };
}

function byPlace(prices: readonly PriceJson[]): ReadonlyMap<string, PriceJson> {
  return new Map(
    prices.map((price) => [JSON.stringify([endpointOf(price), price["plan"], price["when"]]), price]),
  );
}

const endpointOf = (price: PriceJson): string => String(price["match"]);
