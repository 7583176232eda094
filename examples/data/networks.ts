import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** An organisation that announces Internet addresses. Everything here but `domain` is real. */
export interface Organisation {
  /** Its lowest autonomous system number. */
  readonly id: number;
  readonly name: string;
  /** All its autonomous system numbers, in the order of the addresses they announce. */
  readonly asns: readonly number[];
  /** How many address ranges, and how many IPv4 addresses in them. */
  readonly networks: number;
  readonly addresses: number;
  /** Generated from the name, under the reserved top-level domain `example`: it is nobody's real domain. */
  readonly domain: string;
}

/** The IPv4 ranges in ascending order; the range at an index belongs to `organisations[owners[index]]`. */
export interface Networks {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly owners: Uint32Array;
  readonly organisations: readonly Organisation[];
}

/** An organisation while its lines are being read. */
type Draft = { -readonly [Name in keyof Organisation]: Organisation[Name] } & { asns: number[] };

const COMMA = 0x2c;
const NEWLINE = 0x0a;
const ZERO = 0x30;
/** Ranges that no organisation announces. */
const RESERVED = "-Reserved AS-";

let loaded: Networks | undefined;

/**
 * Reads the ranges of `@ip-location-db/asn` once per process (about 0.3 s). The bytes are scanned in place: splitting
 * 21 MB of text into lines and cells would triple the time and hold the whole text in memory.
 */
export function readNetworks(): Networks {
  loaded ??= parseNetworks(
    readFileSync(createRequire(import.meta.url).resolve("@ip-location-db/asn/asn-ipv4-num.csv")),
  );
  return loaded;
}

/** Reads lines of `first address,last address,AS number,organisation` in ascending order of addresses. */
export function parseNetworks(csv: Uint8Array): Networks {
  const bytes = Buffer.from(csv.buffer, csv.byteOffset, csv.byteLength);
  const lines = countLines(bytes);
  const starts = new Uint32Array(lines);
  const ends = new Uint32Array(lines);
  const owners = new Uint32Array(lines);
  const drafts: Draft[] = [];
  const byName = new Map<string, number>();
  const byAsn = new Map<number, number>();
  let count = 0;
  let at = 0;
  const readNumber = (): number => {
    let value = 0;
    for (let byte = bytes[at++]; byte !== undefined && byte !== COMMA; byte = bytes[at++]) {
      value = value * 10 + (byte - ZERO);
    }
    return value;
  };
  while (at < bytes.length) {
    // The package has a range that starts inside the one before it: the earlier line keeps the addresses, so that
    // the binary search below finds exactly one owner for each.
    const start = Math.max(readNumber(), count === 0 ? 0 : (ends[count - 1] ?? 0) + 1);
    const [end, asn] = [readNumber(), readNumber()];
    const lineEnd = bytes.indexOf(NEWLINE, at);
    const nameEnd = lineEnd === -1 ? bytes.length : lineEnd;
    let owner = byAsn.get(asn);
    if (owner === undefined) {
      owner = findOrAdd(drafts, byName, unquote(bytes.toString("utf8", at, nameEnd)), asn);
      byAsn.set(asn, owner);
    }
    at = nameEnd + 1;
    const draft = drafts[owner];
    if (draft === undefined || draft.name === RESERVED || start > end) continue;
    draft.networks += 1;
    draft.addresses += end - start + 1;
    starts[count] = start;
    ends[count] = end;
    owners[count] = owner;
    count += 1;
  }
  nameDomains(drafts);
  return {
    starts: starts.subarray(0, count),
    ends: ends.subarray(0, count),
    owners: owners.subarray(0, count),
    organisations: drafts,
  };
}

function countLines(bytes: Buffer): number {
  let lines = 1;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/** The organisation that announces this IPv4 address and its range, or undefined when nobody does. */
export function findNetwork(
  networks: Networks,
  address: number,
): { organisation: Organisation; first: number; last: number } | undefined {
  let low = 0;
  let high = networks.starts.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const first = networks.starts[middle] ?? 0;
    const last = networks.ends[middle] ?? 0;
    if (address < first) high = middle - 1;
    else if (address > last) low = middle + 1;
    else {
      const organisation = networks.organisations[networks.owners[middle] ?? -1];
      return organisation === undefined ? undefined : { organisation, first, last };
    }
  }
  return undefined;
}

/** One organisation may have many AS numbers: they are joined by the exact name. */
function findOrAdd(drafts: Draft[], byName: Map<string, number>, name: string, asn: number): number {
  const index = byName.get(name);
  const draft = index === undefined ? undefined : drafts[index];
  if (index === undefined || draft === undefined) {
    byName.set(name, drafts.length);
    return drafts.push({ id: asn, name, asns: [asn], networks: 0, addresses: 0, domain: "" }) - 1;
  }
  draft.asns.push(asn);
  draft.id = Math.min(draft.id, asn);
  return index;
}

function unquote(cell: string): string {
  return cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
}

function nameDomains(drafts: readonly Draft[]): void {
  const taken = new Set<string>();
  for (const draft of drafts) {
    const label = computeLabel(draft.name);
    draft.domain = `${label === "" || taken.has(label) ? `${label || "as"}-${draft.id}` : label}.example`;
    taken.add(label);
  }
}

/** At most 40 letters, digits and hyphens: a DNS label has at most 63, and an AS number may follow. */
function computeLabel(name: string): string {
  return name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
}
