import { BlockList, isIP } from "node:net";

/** An address range: `10.0.0.0/8`, `2001:db8::/32`, or one address alone. */
interface AddressRange {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

/** The address without the prefix that an IPv4 address has on an IPv6 socket. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** Whether a text is an address as ranges are compared with: no port, no zone, no abbreviated IPv4. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}

/** Undefined for what is no range. IPv4 addresses in IPv6 form are none: clients' addresses never have it. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  if (!isAddress(address) || plainAddress(address) !== address) return undefined;
  const family = isIP(address) === 4 ? "ipv4" : "ipv6";
  const most = family === "ipv4" ? 32 : 128;
  const prefix = bits === undefined ? most : Number(bits);
  return prefix > most ? undefined : { address, prefix, family };
}

/** Address ranges, to ask whether an address is in one of them. */
export class AddressRanges {
  /** As they were given. */
  readonly texts: readonly string[];
  /** Each family has its own list: in one, `::/0` would hold every IPv4 address too. */
  readonly #ranges = { ipv4: new BlockList(), ipv6: new BlockList() };

  /** What is not a range holds nothing. */
  constructor(texts: readonly string[]) {
    this.texts = texts;
    for (const text of texts) {
      const range = parseAddressRange(text);
      if (range !== undefined)
        this.#ranges[range.family].addSubnet(range.address, range.prefix, range.family);
    }
  }

  /** `address` is plain. What is no address is in no range. */
  includes(address: string): boolean {
    const version = isIP(address);
    if (version === 0) return false;
    const family = version === 4 ? "ipv4" : "ipv6";
    return this.#ranges[family].check(address, family);
  }
}
