const CREDIT_TYPE = /^[a-z][a-z0-9_-]{0,31}$/;

/** Whether a text may name a credit type: a letter, then letters, digits, `_` and `-`, all lower case, 32 at most. */
export function isCreditTypeName(text: unknown): text is string {
  return typeof text === "string" && CREDIT_TYPE.test(text);
}
