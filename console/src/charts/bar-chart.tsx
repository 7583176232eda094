import { AxisBottom, AxisLeft } from "@visx/axis";
import { scaleBand, scaleLinear } from "@visx/scale";
import { BarRounded } from "@visx/shape";
import { type KeyboardEvent, type PointerEvent, type ReactNode, useId, useState } from "react";
import { type Credits, showShort } from "../formats/credits.ts";
import { useWidth } from "./use-width.ts";

/** One bar. */
export interface BarOf {
  readonly id: string;
  /** Under the axis. */
  readonly label: string;
  readonly amount: Credits;
  /** In full: what the pointer and screen readers get. */
  readonly text: string;
}

const HEIGHT = 240;
const MARGIN = { top: 12, right: 4, bottom: 26, left: 52 };

/**
 * Amounts over time. Pointing at a bar, and the arrow keys, tell it exactly. The pixels are computed with floating-point numbers; the
 * amounts that are shown are not.
 */
export function BarChart({
  label,
  bars,
}: {
  readonly label: string;
  readonly bars: readonly BarOf[];
}): ReactNode {
  const [frame, width] = useWidth<HTMLDivElement>();
  const [chosen, setChosen] = useState<number>();
  const hint = useId();
  const x = scaleBand({
    domain: bars.map(({ id }) => id),
    range: [MARGIN.left, Math.max(MARGIN.left + 1, width - MARGIN.right)],
    paddingInner: bars.length > 40 ? 0.15 : 0.3,
    paddingOuter: 0.1,
  });
  const most = bars.reduce((top, { amount }) => (amount > top ? amount : top), 0n);
  const y = scaleLinear({
    domain: [0, most === 0n ? 1 : Number(most)],
    range: [HEIGHT - MARGIN.bottom, MARGIN.top],
    nice: true,
  });
  const choose = (index: number | undefined): void =>
    setChosen(index === undefined ? undefined : clamp(index, bars));
  const onPointer = (event: PointerEvent<SVGSVGElement>): void => {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left - MARGIN.left;
    choose(Math.floor(at / Math.max(1, x.step())));
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose((chosen ?? (step > 0 ? -1 : bars.length)) + step);
  };
  const bar = chosen === undefined ? undefined : bars[chosen];
  const every = Math.max(1, Math.ceil(bars.length / Math.max(2, Math.floor((width - MARGIN.left) / 76))));
  return (
    <div className="chart" ref={frame}>
      {/* The arrow keys walk along the bars, as a slider's do. */}
      <div
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-describedby={hint}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, bars.length - 1)}
        aria-valuenow={chosen ?? 0}
        aria-valuetext={bar?.text ?? "Use the arrow keys"}
        onKeyDown={onKey}
        onBlur={() => choose(undefined)}
      >
        <svg
          width={width}
          height={HEIGHT}
          aria-hidden="true"
          onPointerMove={onPointer}
          onPointerDown={onPointer}
          onPointerLeave={() => choose(undefined)}
        >
          <g className="chart-grid">
            {y.ticks(4).map((tick) => (
              <line key={tick} x1={MARGIN.left} x2={width - MARGIN.right} y1={y(tick)} y2={y(tick)} />
            ))}
          </g>
          {bars.map(({ id, amount }, index) => {
            const top = y(Number(amount));
            const height = HEIGHT - MARGIN.bottom - top;
            if (height <= 0) return null;
            return (
              <g
                key={id}
                className="chart-bar"
                data-dim={bar !== undefined && index !== chosen ? "" : undefined}
              >
                <BarRounded
                  x={x(id) ?? 0}
                  y={top}
                  width={x.bandwidth()}
                  height={height}
                  radius={Math.min(4, x.bandwidth() / 3, height)}
                  top
                />
              </g>
            );
          })}
          <AxisLeft
            scale={y}
            left={MARGIN.left}
            numTicks={4}
            hideAxisLine
            hideTicks
            axisClassName="chart-axis"
            tickFormat={(value) => showShort(BigInt(Math.round(Number(value))))}
            tickLabelProps={{ textAnchor: "end", dx: -4, dy: "0.32em" }}
          />
          <AxisBottom
            scale={x}
            top={HEIGHT - MARGIN.bottom}
            hideAxisLine
            hideTicks
            axisClassName="chart-axis"
            tickValues={bars.filter((_, index) => index % every === 0).map(({ id }) => id)}
            tickFormat={(id) => bars.find((one) => one.id === id)?.label ?? ""}
            tickLabelProps={{ textAnchor: "middle", dy: 4 }}
          />
        </svg>
      </div>
      <span id={hint} className="unseen">
        {bars.length} bars. The same as a table is below.
      </span>
      {bar === undefined ? null : (
        <Tip text={bar.text} at={(x(bar.id) ?? 0) + x.bandwidth() / 2} width={width} />
      )}
    </div>
  );
}

function Tip({
  text,
  at,
  width,
}: {
  readonly text: string;
  readonly at: number;
  readonly width: number;
}): ReactNode {
  const shift = at < width / 2 ? "0%" : "-100%";
  return (
    <div className="chart-tip" style={{ transform: `translate(calc(${at}px + ${shift}), 0)` }}>
      {text}
    </div>
  );
}

function clamp(index: number, bars: readonly unknown[]): number {
  return Math.min(bars.length - 1, Math.max(0, index));
}
