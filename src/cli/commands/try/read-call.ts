import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { FareboxError } from "../../../domain/farebox-error.ts";
import type { DescribedCall } from "../../../trial/described-call.ts";
import { collecting } from "../../cli.ts";
import { readInput } from "../../terminal/read-input.ts";

type Header = readonly [name: string, value: string];

/** Options that describe a call, as commander parses them. */
export interface CallOptions {
  readonly request: DescribedLine;
  readonly header: readonly Header[];
  readonly body?: string;
  readonly response: number;
  readonly responseHeader: readonly Header[];
  readonly responseBody?: string;
}

interface DescribedLine {
  readonly method: string;
  readonly target: string;
}

/** `POST /v1/search?size=5`; a whole address is taken for its path and query. */
export function parseRequestLine(text: string): DescribedLine {
  const [, method, address] = /^\s*([A-Za-z]+)\s+(\S+)\s*$/.exec(text) ?? [];
  const target = address?.replace(/^https?:\/\/[^/?#]*(?=\/)/i, "");
  if (method === undefined || target?.startsWith("/") !== true) {
    throw new InvalidArgumentError('Write a method and a path: "POST /v1/search?size=5".');
  }
  return { method: method.toUpperCase(), target };
}

export const parseHeader = collecting((text: string, before: readonly Header[] | undefined): Header[] => {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('Write a name and a value: "x-tier: gold".');
  return [...(before ?? []), [name, value]];
});

export function parseStatus(text: string): number {
  const status = /^\d{3}$/.test(text) ? Number(text) : 0;
  if (status < 200 || status > 599)
    throw new InvalidArgumentError("Write the status of a final answer, 200 to 599.");
  return status;
}

/** Reads what the options only name: bodies from files and from standard input. */
export async function readCall(options: CallOptions): Promise<Pick<DescribedCall, "request" | "response">> {
  const { request, header, body, response, responseHeader, responseBody } = options;
  if (body === "-" && responseBody === "-") {
    throw new FareboxError("described_call_invalid", "Standard input can be one of the two bodies only.", {
      detail: { fix: "write the other one as @file" },
    });
  }
  return {
    request: { ...request, headers: header, body: await readBody(body) },
    response: { status: response, headers: responseHeader, body: await readBody(responseBody) },
  };
}

/** A text as it is, `@` and a file, or `-` for standard input. */
async function readBody(option: string | undefined): Promise<Buffer> {
  if (option === undefined) return Buffer.alloc(0);
  if (option === "-") return Buffer.from(await readInput());
  if (!option.startsWith("@")) return Buffer.from(option);
  const file = option.slice(1);
  try {
    return readFileSync(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FareboxError("described_call_invalid", `${file} cannot be read: ${reason}`, {
      detail: { path: file, reason, fix: "write @ and the path of a file, or the body itself" },
    });
  }
}
