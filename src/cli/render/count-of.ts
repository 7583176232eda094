/** `1 charge`, `4 charges`: a number and the word for it, whose plural has an s unless it is given. */
export function countOf(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`;
}
