/** What one check of `farebox doctor` found. `fix` says what to do about anything but `ok`. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warn" | "fail";
  readonly text: string;
  readonly fix?: string;
}

/** A check that throws has found that it cannot be done: its message is the finding. */
export async function find(
  check: string,
  fix: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return [{ check, state: "fail", text, fix }];
  }
}
