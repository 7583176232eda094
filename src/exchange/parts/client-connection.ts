import { type AddressRanges, plainAddress } from "../../domain/addresses.ts";
import type { ClientResponse } from "./client-message.ts";

/** What a connection knows of an exchange on it. */
interface Underway {
  readonly response: ClientResponse;
  clientLeft(): void;
}

/** One connection of a client, and what is asked of it for every request. */
export class ClientConnection {
  /** The peer's address as the socket has it. */
  readonly address: string;
  /** The same without the prefix of an IPv4 address on an IPv6 socket: what upstreams are told. */
  readonly plainAddress: string;
  /** Exchanges under way: nearly always one or none, several when requests are pipelined. */
  readonly running: Underway[] = [];
  /** How much was read of it when its last exchange was over; what came since is the beginning of another. */
  bytesAtEnd = 0;
  /** An answer has left, and the body of its request is still arriving. */
  isReceiving = false;
  /** An answer has said that it is the last one here: what was pipelined behind its request is not served. */
  isClosing = false;

  /** The peer is a proxy of ours: what it says of the client is believed. */
  readonly isProxy: boolean;

  constructor(address: string, proxies: AddressRanges | undefined) {
    this.address = address;
    this.plainAddress = plainAddress(address);
    this.isProxy = proxies?.includes(this.plainAddress) ?? false;
  }

  end(exchange: Underway): void {
    const index = this.running.indexOf(exchange);
    if (index !== -1) this.running.splice(index, 1);
  }
}
