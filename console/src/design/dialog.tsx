import { Dialog as Base } from "@base-ui/react/dialog";
import type { FormEvent, ReactNode } from "react";
import { Button } from "./button.tsx";

/** A dialog with a title, what it is about, and a form. Escape and a press beside it close it. */
export function Dialog({
  title,
  text,
  isOpen,
  isFirm = false,
  onClose,
  children,
}: {
  readonly title: string;
  readonly text?: ReactNode;
  readonly isOpen: boolean;
  /** Only its own buttons close it: what is in it is gone afterwards. */
  readonly isFirm?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <Base.Root
      open={isOpen}
      onOpenChange={(open) => {
        if (!open && !isFirm) onClose();
      }}
    >
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup className="dialog">
          <Base.Title className="dialog-title">{title}</Base.Title>
          {text === undefined ? null : (
            <Base.Description className="dialog-text" render={<div />}>
              {text}
            </Base.Description>
          )}
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

/** A form in a dialog: its fields, and one button that does what its text says. */
export function DialogForm({
  action,
  kind = "primary",
  busy,
  canSubmit = true,
  onSubmit,
  onCancel,
  children,
}: {
  readonly action: string;
  readonly kind?: "primary" | "danger";
  readonly busy: boolean;
  readonly canSubmit?: boolean;
  readonly onSubmit: () => void;
  readonly onCancel: () => void;
  readonly children?: ReactNode;
}): ReactNode {
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (canSubmit && !busy) onSubmit();
  };
  return (
    <form className="stack" onSubmit={submit} noValidate>
      {children}
      <div className="dialog-actions">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" kind={kind} busy={busy} disabled={!canSubmit}>
          {action}
        </Button>
      </div>
    </form>
  );
}
