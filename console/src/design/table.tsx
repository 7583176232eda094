import type { ReactNode } from "react";

/** A column: its head, how a row is shown in it, and whether it holds numbers. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => ReactNode;
  readonly isNumber?: boolean;
}

/** Rows in columns; on a phone each row stands alone, with the heads before its values. */
export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
  foot,
}: {
  /** For those who do not see what stands above it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly foot?: ReactNode;
}): ReactNode {
  return (
    <>
      <div className="table-frame">
        <table className="table">
          <caption className="unseen">{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ head, isNumber }) => (
                <th key={head} scope="col" className={isNumber === true ? "right" : undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={keyOf(row)}>
                {columns.map(({ head, cell, isNumber }) => (
                  <td key={head} data-label={head} className={isNumber === true ? "right number" : undefined}>
                    {cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {foot === undefined || foot === null ? null : <div className="table-foot">{foot}</div>}
    </>
  );
}
