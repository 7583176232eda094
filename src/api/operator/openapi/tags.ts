/** The groups of operations, in the order in which the reference shows them. A test compares them with what routes name. */
export const TAGS: readonly { name: string; description: string }[] = [
  { name: "accounts", description: "The API's customers: who they are, and whether their keys work." },
  { name: "keys", description: "What customers present. A key's text is shown once." },
  { name: "plans", description: "Recurring grants, limits and caps that accounts get." },
  { name: "pools", description: "Credits: balances, grants, refunds, adjustments, entries and usage." },
  { name: "reports", description: "What all accounts did: sold, burned and outstanding by month." },
  { name: "bulk refunds", description: "All charges that a filter finds, reversed in the background." },
  { name: "exports", description: "Bulk jobs of customers, charged by their records." },
  { name: "price lists", description: "What endpoints cost, from when on: dated and immutable." },
  { name: "tokens", description: "Who may ask this API: named tokens with roles." },
  { name: "sessions", description: "Who is signed in to the portal and to the console." },
  { name: "audit trail", description: "What operators did: one line for each mutation." },
  { name: "instance", description: "What runs here, and whether its books are sound." },
];
