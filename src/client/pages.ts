import type { RequestOptions } from "./transport.ts";

/**
 * All pages of a list, one after the other, beginning where `cursor` says.
 *
 *     for await (const { accounts } of pages(farebox.listAccounts, { state: "active" })) …
 */
export async function* pages<
  Input extends { cursor?: string | undefined } | undefined,
  Page extends { next: string | null },
>(
  list: (input: Input, options?: RequestOptions) => Promise<Page>,
  input: NoInfer<NonNullable<Input>>,
  options?: RequestOptions,
): AsyncGenerator<Page, void, undefined> {
  let page = await list(input, options);
  yield page;
  while (page.next !== null) {
    page = await list({ ...input, cursor: page.next }, options);
    yield page;
  }
}
