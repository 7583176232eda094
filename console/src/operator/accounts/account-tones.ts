/** How an account's state is coloured. */
export const ACCOUNT_TONES = { active: "good", suspended: "warn", closed: "bad" } as const;
