import { type ReactNode, useId } from "react";

/** How much of something is reached, 0 to 1, with words for it. */
export function Progress({
  label,
  share,
  tone = "plain",
}: {
  readonly label: ReactNode;
  readonly share: number;
  readonly tone?: "plain" | "warn" | "bad";
}): ReactNode {
  const id = useId();
  const percent = Math.min(100, Math.max(0, share * 100));
  return (
    <div className="progress" data-tone={tone}>
      <div id={id} className="small">
        {label}
      </div>
      <div
        className="progress-track"
        role="progressbar"
        aria-labelledby={id}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(percent)}
      >
        <div className="progress-fill" style={{ width: `${percent}%` }} />
      </div>
    </div>
  );
}
