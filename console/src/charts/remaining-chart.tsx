import { AxisBottom } from "@visx/axis";
import { scaleLinear, scaleUtc } from "@visx/scale";
import { AreaClosed, LinePath } from "@visx/shape";
import type { ReactNode } from "react";
import type { Credits } from "../formats/credits.ts";
import { showDay } from "../formats/times.ts";
import { useWidth } from "./use-width.ts";

/** What remains at a moment. */
export interface Remaining {
  readonly at: Date;
  readonly amount: Credits;
}

const HEIGHT = 96;
const MARGIN = { top: 8, right: 8, bottom: 22, left: 8 };

/** How what remains goes down from now on. What it says is said in words beside it. */
export function RemainingChart({ points }: { readonly points: readonly Remaining[] }): ReactNode {
  const [frame, width] = useWidth<HTMLDivElement>();
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return null;
  const most = points.reduce((top, { amount }) => (amount > top ? amount : top), 1n);
  const x = scaleUtc({
    domain: [first.at, last.at],
    range: [MARGIN.left, Math.max(1, width - MARGIN.right)],
  });
  const y = scaleLinear({ domain: [0, Number(most)], range: [HEIGHT - MARGIN.bottom, MARGIN.top] });
  const atX = ({ at }: Remaining): number => x(at);
  const atY = ({ amount }: Remaining): number => y(Number(amount));
  const data = [...points];
  return (
    <div className="chart" ref={frame}>
      <svg width={width} height={HEIGHT} aria-hidden="true">
        <g className="chart-grid">
          <line x1={MARGIN.left} x2={width - MARGIN.right} y1={y(0)} y2={y(0)} />
        </g>
        <AreaClosed data={data} x={atX} y={atY} yScale={y} className="chart-area" />
        <LinePath data={data} x={atX} y={atY} className="chart-line" data-future="" />
        <circle className="chart-mark" cx={atX(first)} cy={atY(first)} r={4} />
        <AxisBottom
          scale={x}
          top={HEIGHT - MARGIN.bottom}
          hideAxisLine
          hideTicks
          axisClassName="chart-axis"
          tickValues={[first.at, last.at]}
          tickFormat={(at) =>
            Number(at) === first.at.getTime() ? "Today" : showDay(new Date(Number(at)).toISOString())
          }
          tickLabelProps={(at) => ({
            textAnchor: Number(at) === first.at.getTime() ? "start" : "end",
            dy: 2,
          })}
        />
      </svg>
    </div>
  );
}
