import type { Connection, Submittable } from "pg";
import type { Statement } from "../database.ts";
import { bindOf } from "./call-message.ts";
import { type ResultParser, resultParser } from "./result-types.ts";

/** What a statement answers: fixed from when it is parsed, because the server refuses to run it once that has changed. */
export interface Column {
  readonly name: string;
  readonly parse: ResultParser;
}

/** What a session knows of its statements, by their names. */
export type Columns = Map<string, readonly Column[]>;

interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

interface DataRow {
  readonly fields: readonly (string | null)[];
}

/** pg's connection, with what its types leave out. */
type ParsingConnection = Connection & { readonly parsedStatements: Readonly<Record<string, string>> };

/**
 * A statement with a name, as a query class of pg's (as pg-cursor's is one): parsed and described once per session, and after that bound and
 * executed alone. pg's own class asks for the description each time and makes an emitter, a result and a row's prototype of it: with the
 * pool's part (see SpareSessions) half of what a statement cost this process.
 */
export class PreparedQuery<Row> implements Submittable {
  /** By these two pg remembers that its connection has parsed the statement. */
  readonly name: string;
  readonly text: string;
  /** pg calls none when there is one. */
  readonly callback = (): void => undefined;
  readonly #call: Buffer;
  readonly #known: Columns;
  readonly #resolve: (rows: Row[]) => void;
  readonly #reject: (error: unknown) => void;
  readonly #rows: Row[] = [];
  #columns: readonly Column[] | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    { name, text }: Statement,
    call: Buffer,
    known: Columns,
    resolve: (rows: Row[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.name = name;
    this.text = text;
    this.#call = call;
    this.#known = known;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Returns what is wrong with it, if anything: nothing was sent then. */
  submit(connection: Connection): Error | null {
    const { name, text } = this;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const parsed = (connection as ParsingConnection).parsedStatements[name];
    if (parsed !== undefined && parsed !== text) {
      return new Error(`The statement ${name} stands for two texts`);
    }
    this.#columns = parsed === undefined ? undefined : this.#known.get(name);
    const { stream } = connection;
    // One that is gone tells so itself.
    if (!stream.writable) return null;
    if (this.#columns !== undefined) {
      stream.write(this.#call);
      return null;
    }
    stream.cork();
    if (parsed === undefined) connection.parse({ name, text, types: [] }, true);
    stream.write(bindOf(this.#call));
    connection.describe({ type: "P", name: "" }, true);
    connection.execute({ portal: "", rows: "0" }, true);
    connection.sync();
    stream.uncork();
    return null;
  }

  handleRowDescription({ fields }: RowDescription): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, parse: resultParser(dataTypeID) }));
  }

  handleDataRow({ fields }: DataRow): void {
    if (this.#failure !== undefined) return;
    try {
      this.#rows.push(this.#read(fields));
    } catch (error) {
      this.#failure = { error };
    }
  }

  handleCommandComplete(): void {
    // Without a description the statement answers no rows.
    this.#known.set(this.name, this.#columns ?? []);
  }

  handleEmptyQuery(): void {
    this.#known.set(this.name, []);
  }

  /** Of what the server refuses, and of a connection that ends. */
  handleError(error: unknown): void {
    this.#reject(this.#failure?.error ?? error);
  }

  handleReadyForQuery(): void {
    if (this.#failure === undefined) this.#resolve(this.#rows);
    else this.#reject(this.#failure.error);
  }

  #read(fields: readonly (string | null)[]): Row {
    const row: Record<string, unknown> = {};
    const columns = this.#columns ?? [];
    for (let at = 0; at < columns.length; at += 1) {
      const column = columns[at];
      const text = fields[at] ?? null;
      if (column !== undefined) row[column.name] = text === null ? null : column.parse(text);
    }
    // The statement's author says what it answers.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return row as Row;
  }
}
