/** A response as it came over the socket. */
export interface RawResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** The framing says that all of it came. */
  readonly complete: boolean;
  header(name: string): string | undefined;
  json(): unknown;
}

/** A client that can send anything, leave at any moment and read as slowly as it likes, over HTTP/1.1 or HTTP/2. */
export interface TestClient {
  /** Bytes as HTTP/1.1 has them. Over HTTP/2 the same request is sent on a stream. */
  write(text: string | Buffer): void;
  leave(): void;
  /** Sends no more, and waits. A session of HTTP/2 cannot: it ends. */
  endSide(): void;
  /** Resolves when it could send. */
  connected(): Promise<void>;
  /** Reads no more for now. */
  pause(): void;
  /** What has arrived, as HTTP/1.1 has it; over HTTP/2 of the newest stream. */
  readonly received: Buffer;
  until(test: (received: Buffer) => boolean): Promise<void>;
  closed(): Promise<void>;
  response(bodiless?: boolean): Promise<RawResponse>;
}
