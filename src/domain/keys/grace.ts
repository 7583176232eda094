/** A rotated key's former text works for so long at most: whoever needs longer needs a second key. */
export const MAX_GRACE_SECONDS = 30 * 86_400;
