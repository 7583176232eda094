import { base62, base62Bytes } from "./base62.ts";
import { isCreditTypeName } from "./credit-type.ts";

const PREFIXES = {
  account: "acc",
  key: "key",
  grant: "grt",
  instance: "ins",
  bulkRefund: "bulk",
  token: "tok",
  session: "ses",
  portalLink: "lnk",
} as const;

export type IdKind = keyof typeof PREFIXES;

/** 95 bits: a billion ids have a chance of 1 in 10^10 that any two are equal; primary keys catch even that. */
const ID_LENGTH = 16;

/** How many random bytes {@link formatId} takes. */
export const ID_RANDOM_BYTES = base62Bytes(ID_LENGTH);

/** A new id: `acc_`, `key_`, `grt_`, `ins_`, `bulk_`, `tok_`, `ses_` or `lnk_` and 16 base62 characters. */
export function formatId(kind: IdKind, randomBytes: Uint8Array): string {
  return `${PREFIXES[kind]}_${base62(randomBytes, ID_LENGTH)}`;
}

/** Which entry a charge is: `seq` is its number in the pool. */
export interface ChargeRef {
  readonly accountId: string;
  readonly creditType: string;
  readonly seq: number;
}

/** A charge's public id, `chg_<16 of the account>.<credit type>.<seq>`: the entry's primary key, so it is not stored. */
export function renderChargeId(charge: ChargeRef): string {
  return `chg_${charge.accountId.slice(PREFIXES.account.length + 1)}.${charge.creditType}.${charge.seq}`;
}

/** The reverse of {@link renderChargeId}; `undefined` for any other text, also for `seq` 0 or with leading zeros. */
export function parseChargeId(text: unknown): ChargeRef | undefined {
  if (typeof text !== "string") return undefined;
  const match = /^chg_([0-9A-Za-z]{16})\.([a-z0-9_-]+)\.([1-9]\d{0,15})$/.exec(text);
  if (match === null) return undefined;
  const [, account = "", creditType = "", digits = ""] = match;
  const seq = Number(digits);
  if (!isCreditTypeName(creditType) || !Number.isSafeInteger(seq)) return undefined;
  return { accountId: `${PREFIXES.account}_${account}`, creditType, seq };
}

/** A UUID version 7 (RFC 9562 section 5.7): unix milliseconds, then 74 of the 80 random bits given. Orders by time. */
export function formatUuidV7(unixMs: number, randomBytes: Uint8Array): string {
  if (!Number.isInteger(unixMs) || unixMs < 0 || unixMs >= 2 ** 48)
    throw new RangeError(`not a time: ${unixMs}`);
  if (randomBytes.length < 10)
    throw new RangeError(`a UUID needs 10 random bytes, got ${randomBytes.length}`);
  const time = unixMs.toString(16).padStart(12, "0");
  let random = "";
  for (let index = 0; index < 10; index++) random += HEX[randomBytes[index] ?? 0];
  // The first random digit gives way to the version (7), the fifth to the variant (binary 10 and two random bits).
  const variant = ((randomBytes[2] ?? 0) >> 4) & 0b0011;
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(1, 4)}-${(8 + variant).toString(16)}${random.slice(5, 8)}-${random.slice(8)}`;
}

/** The unix milliseconds of a UUID version 7; `undefined` for any other text. */
export function readUuidV7Time(text: string): number | undefined {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.exec(text);
  return match === null ? undefined : Number.parseInt(`${match[1]}${match[2]}`, 16);
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A UUID as the database writes it: another text would fail where it is read as one. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
