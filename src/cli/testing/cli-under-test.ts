import { OperatorUnderTest, TOKEN } from "../../api/operator/testing/operator-under-test.ts";
import type { Database } from "../../ledger/database/database.ts";
import type { Cli } from "../cli.ts";
import { createOperatorClient } from "../operator/operator-client.ts";
import { createProgram } from "../program.ts";
import { createCli } from "../run-cli.ts";
import { reportError } from "../terminal/report-error.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command line on an operator API in this process: what a person or a script sees, without sockets and processes. */
export class CliUnderTest {
  readonly operator: OperatorUnderTest;

  constructor(database: Database) {
    this.operator = new OperatorUnderTest(database);
  }

  async run(...args: string[]): Promise<Ran> {
    let out = "";
    let err = "";
    const terminal = {
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      interactive: false,
    };
    const client = createOperatorClient({
      url: "http://127.0.0.1:8401",
      token: TOKEN,
      source: "this test",
      fetch: async (url, init) => await this.operator.app.request(new Request(url, init)),
    });
    const cli: Cli = { ...createCli(terminal), operator: () => client };
    const json = args.includes("--json");
    try {
      await createProgram(cli, json ? () => undefined : (text) => terminal.err(text)).parseAsync(args, {
        from: "user",
      });
      return { code: cli.exitCode(), out, err };
    } catch (error) {
      return { code: reportError(terminal, error, json), out, err };
    }
  }

  /** The JSON that a command prints which succeeds. */
  // Commands print JSON of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  async json(...args: string[]): Promise<any> {
    const { code, out, err } = await this.run(...args, "--json");
    if (code !== 0) throw new Error(`${args.join(" ")}: ${code}: ${err}`);
    return JSON.parse(out);
  }
}
