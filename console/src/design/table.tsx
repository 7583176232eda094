import { type ReactNode, useEffect, useRef, useState } from "react";

/** A column: its head, how a row is shown in it, and whether it holds numbers. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => ReactNode;
  readonly isNumber?: boolean;
}

/**
 * Rows in columns; on a phone each row stands alone, with the heads before its values. Each element says what it is: laid out as blocks,
 * browsers take it for no table any more, and screen readers would read one long text.
 */
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
      <Frame caption={caption}>
        <table className="table" role="table">
          <caption className="unseen">{caption}</caption>
          <thead role="rowgroup">
            <tr role="row">
              {columns.map(({ head, isNumber }) => (
                <th
                  key={head}
                  role="columnheader"
                  scope="col"
                  className={isNumber === true ? "right" : undefined}
                >
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((row) => (
              <tr key={keyOf(row)} role="row">
                {columns.map(({ head, cell, isNumber }) => (
                  <td
                    key={head}
                    role="cell"
                    data-label={head}
                    className={isNumber === true ? "right number" : undefined}
                  >
                    {cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Frame>
      {foot === undefined || foot === null ? null : <div className="table-foot">{foot}</div>}
    </>
  );
}

/** Where a table is wider than its place, the keyboard must be able to move it from side to side. */
function Frame({ caption, children }: { readonly caption: string; readonly children: ReactNode }): ReactNode {
  const frame = useRef<HTMLDivElement>(null);
  const [isWide, setWide] = useState(false);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const look = (): void => setWide(element.scrollWidth > element.clientWidth);
    const observer = new ResizeObserver(look);
    for (const observed of [element, ...element.children]) observer.observe(observed);
    return () => observer.disconnect();
  }, []);
  const movable = isWide ? { tabIndex: 0, role: "group", "aria-label": caption } : {};
  return (
    <div className="table-frame" ref={frame} {...movable}>
      {children}
    </div>
  );
}
