import { type ComponentProps, type ReactNode, useId } from "react";

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
}

/** A labelled input. What is wrong with it is told beside it, and to screen readers with it. */
export function TextField({
  label,
  hint,
  error,
  ...input
}: FieldProps & Omit<ComponentProps<"input">, "id" | "className">): ReactNode {
  const id = useId();
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      <input
        {...input}
        id={id}
        className="input"
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-hint`}
      />
    </Field>
  );
}

export function TextArea({
  label,
  hint,
  error,
  ...input
}: FieldProps & Omit<ComponentProps<"textarea">, "id" | "className">): ReactNode {
  const id = useId();
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      <textarea
        {...input}
        id={id}
        className="input"
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-hint`}
      />
    </Field>
  );
}

/** One of a list. The platform's own, which phones show best. */
export function Choice({
  label,
  hint,
  error,
  options,
  ...input
}: FieldProps & {
  readonly options: readonly (readonly [value: string, text: string])[];
} & Omit<ComponentProps<"select">, "id" | "className">): ReactNode {
  const id = useId();
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      <select
        {...input}
        id={id}
        className="input"
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-hint`}
      >
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

function Field({
  id,
  label,
  hint,
  error,
  children,
}: FieldProps & { readonly id: string; readonly children: ReactNode }): ReactNode {
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      {children}
      <div id={`${id}-hint`}>
        {error === undefined ? null : <p className="field-error">{error}</p>}
        {hint === undefined ? null : <p className="field-hint">{hint}</p>}
      </div>
    </div>
  );
}
