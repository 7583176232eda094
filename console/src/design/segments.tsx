import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
import type { ReactNode } from "react";

/** One of a few, all in sight. */
export function Segments<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, text: string])[];
  readonly onChange: (value: Value) => void;
}): ReactNode {
  return (
    <ToggleGroup
      aria-label={label}
      className="segments"
      value={[value]}
      onValueChange={(next) => {
        const chosen = options.find(([option]) => next.includes(option))?.[0];
        if (chosen !== undefined) onChange(chosen);
      }}
    >
      {options.map(([option, text]) => (
        <Toggle key={option} value={option} className="segment">
          {text}
        </Toggle>
      ))}
    </ToggleGroup>
  );
}
