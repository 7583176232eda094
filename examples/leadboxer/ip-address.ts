import { isIPv4, isIPv6 } from "node:net";

export type ParsedIp = { readonly kind: "v4"; readonly number: number } | { readonly kind: "v6" };

/** Reads an IP address; undefined when the text is none. IPv6 is recognised, but the example has no data for it. */
export function parseIp(text: string): ParsedIp | undefined {
  if (isIPv6(text)) return { kind: "v6" };
  if (!isIPv4(text)) return undefined;
  return { kind: "v4", number: text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0) };
}

/** The address in dotted form. */
export function renderIp(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
}
