import { computeTimestamp } from "../data/seeded.ts";

export type Value = string | number | boolean | null | readonly number[];

/** One of the API's datasets. Records are addressed by their index in the source, so that none is built before it is read. */
export interface Dataset {
  readonly name: string;
  readonly size: number;
  readonly fields: readonly string[];
  /** Names of the fields of a preview. */
  readonly preview: readonly string[];
  /** Every index, by ascending time of update and then id: the order of a search. */
  readonly order: readonly number[];
  readId(index: number): number;
  readUpdated(index: number): string;
  /** `undefined` when the dataset has no such field. */
  read(index: number, field: string): Value | undefined;
  findIndex(id: number): number | undefined;
  render(index: number, fields?: readonly string[]): Record<string, Value>;
}

export interface DatasetSource<T> {
  readonly name: string;
  readonly list: () => readonly T[];
  readonly id: (row: T) => number;
  /** Sets apart the generated times of datasets that share a source. */
  readonly salt: number;
  readonly preview: readonly string[];
  readonly fields: Readonly<Record<string, (row: T) => Value>>;
}

/** Builds a dataset and its indexes; called on first use, as most runs touch few of the nine datasets. */
export function buildDataset<T>(source: DatasetSource<T>): Dataset {
  const rows = source.list();
  const ids = rows.map(source.id);
  const indexes = new Map(ids.map((id, index) => [id, index]));
  const updated = ids.map((id) => computeTimestamp(id, source.salt));
  const rowAt = (index: number): T => {
    const row = rows[index];
    if (row === undefined) throw new RangeError(`${source.name} has no record at ${index}`);
    return row;
  };
  const readers = new Map<string, (index: number) => Value>([
    ["id", (index) => ids[index] ?? 0],
    ["last_updated", (index) => updated[index] ?? ""],
  ]);
  for (const [field, read] of Object.entries(source.fields))
    readers.set(field, (index) => read(rowAt(index)));
  const fields = [...readers.keys()];
  return {
    name: source.name,
    size: rows.length,
    fields,
    preview: source.preview,
    order: sortIndexes(ids, updated),
    readId: (index) => ids[index] ?? 0,
    readUpdated: (index) => updated[index] ?? "",
    read: (index, field) => readers.get(field)?.(index),
    findIndex: (id) => indexes.get(id),
    render: (index, names = fields) =>
      Object.fromEntries(names.map((name) => [name, readers.get(name)?.(index) ?? null])),
  };
}

function sortIndexes(ids: readonly number[], updated: readonly string[]): readonly number[] {
  const text = (index: number): string => updated[index] ?? "";
  return ids
    .map((_, index) => index)
    .sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : (ids[a] ?? 0) - (ids[b] ?? 0)));
}
