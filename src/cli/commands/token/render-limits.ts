/** How many credits may be given, in words. */
export function renderLimits(limits: { readonly each: number; readonly day: number } | null): string {
  return limits === null ? "" : `${limits.each} each, ${limits.day} a day`;
}
