import { type AddressRanges, isAddress, plainAddress } from "../../domain/addresses.ts";
import { MAX_HOPS, parseForwarded, withoutPort } from "./forwarded.ts";
import type { HeadFault } from "./request-guard.ts";

/** Who sent a request that came through a proxy of ours, as the proxy tells it. */
export interface Sender {
  /** The client's address: the last one in the chain that is none of a trusted proxy. */
  readonly address: string;
  /** The client's address, then those of the proxies up to the peer: what the upstream is told. */
  readonly chain: string;
  /** Undefined: the proxy does not say. */
  readonly proto: "http" | "https" | undefined;
  readonly host: string | undefined;
}

/** The header by which trusted proxies tell the chain; undefined: either. */
export type ProxyHeader = "x-forwarded-for" | "forwarded" | undefined;

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+=%-]+)(?::\d{1,5})?$/;

/** As far as one header tells. */
interface Told {
  readonly address: string;
  readonly chain: readonly string[];
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

/**
 * Reads what a trusted peer says. Each proxy appends the address that it was called from, so the list is read from its end:
 * the first address that is none of ours is the client's, and what stands before it is only claimed. It is dropped.
 */
export function readSender(
  header: (name: string) => string | undefined,
  peer: string,
  proxies: AddressRanges,
  chosen: ProxyHeader,
): Sender | HeadFault {
  const listed = chosen === "forwarded" ? undefined : header("x-forwarded-for");
  const forwarded = chosen === "x-forwarded-for" ? undefined : header("forwarded");
  const byList = listed === undefined ? undefined : followList(listed, peer, proxies, header);
  const byHops = forwarded === undefined ? undefined : followHops(forwarded, peer, proxies);
  if (byHops === null) return { reason: "header forwarded is not written as RFC 7239 says" };
  if (byList !== undefined && byHops !== undefined && byList.address !== byHops.address) {
    return { reason: "headers x-forwarded-for and forwarded name different clients" };
  }
  const told = byList ?? byHops ?? { ...follow([], peer, proxies), ...readProtoAndHost(header) };
  const { address, chain, proto, host } = told;
  const scheme = proto?.toLowerCase();
  return {
    address,
    chain: chain.join(", "),
    proto: scheme === "http" || scheme === "https" ? scheme : undefined,
    host: host !== undefined && HOST.test(host) ? host : undefined,
  };
}

function followList(
  listed: string,
  peer: string,
  proxies: AddressRanges,
  header: (name: string) => string | undefined,
): Told {
  const nodes = listed.split(",").map((text) => withoutPort(text.trim()));
  return { ...follow(nodes, peer, proxies), ...readProtoAndHost(header) };
}

function readProtoAndHost(header: (name: string) => string | undefined): Pick<Told, "proto" | "host"> {
  // Of several the last is the nearest proxy's own.
  const last = (name: string): string | undefined => header(name)?.split(",").at(-1)?.trim();
  return { proto: last("x-forwarded-proto"), host: last("x-forwarded-host") };
}

function followHops(forwarded: string, peer: string, proxies: AddressRanges): Told | null {
  const hops = parseForwarded(forwarded);
  if (hops === undefined) return null;
  const found = follow(
    hops.map((hop) => hop.for ?? "unknown"),
    peer,
    proxies,
  );
  // The hop that names the client was written by the proxy that the client called: it knows the scheme and the host.
  const hop = hops[hops.length - Math.max(found.followed, 1)];
  return { ...found, proto: hop?.proto, host: hop?.host };
}

/** From the peer backwards, as long as the hop is a trusted proxy and what it tells is an address. */
function follow(
  nodes: readonly string[],
  peer: string,
  proxies: AddressRanges,
): Pick<Told, "address" | "chain"> & { readonly followed: number } {
  const chain = [peer];
  let address = peer;
  let followed = 0;
  while (followed < nodes.length && followed < MAX_HOPS && proxies.includes(address)) {
    const node = plainAddress(nodes[nodes.length - 1 - followed] ?? "");
    if (!isAddress(node)) break;
    address = node;
    chain.unshift(node);
    followed++;
  }
  return { address, chain, followed };
}
