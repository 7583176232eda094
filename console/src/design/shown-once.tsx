import type { ReactNode } from "react";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";
import { Dialog } from "./dialog.tsx";

/** A secret, which no answer has again. Closing is a decision of its own: a press beside it does not. */
export function ShownOnce({
  title,
  text,
  onClose,
}: {
  readonly title: string;
  readonly text: string;
  readonly onClose: () => void;
}): ReactNode {
  return (
    <Dialog
      title={title}
      text="Copy it now and keep it where secrets are kept. It is shown once: nobody can read it later."
      isOpen
      isFirm
      onClose={onClose}
    >
      <div className="secret">
        <code data-secret>{text}</code>
        <CopyButton text={text} />
      </div>
      <div className="dialog-actions">
        <Button kind="primary" onClick={onClose}>
          I have kept it
        </Button>
      </div>
    </Dialog>
  );
}
