import type { Provider } from "./seed.ts";

interface Outside {
  /** Why no test of this folder quotes it. */
  readonly because: string;
  readonly statements: readonly string[];
}

const PAGES = "it is about the Credit Cost Overview, a page of the console";
const ADDRESS = "an address, a hint where to read on, or a heading";

/** Statements of the documents that say nothing a gateway could do or fail to do, or that other tests are about. */
export const OUTSIDE: Readonly<Record<Provider, readonly Outside[]>> = {
  coresignal: [
    {
      because: ADDRESS,
      statements: [
        "Find more information in [Real-time Employee API](https://docs.coresignal.com/employee-api/real-time-employee-api#credits) topic",
        "Discuss your credit needs with your account manager or explore available plans in the [self-service platform](https://dashboard.coresignal.com/sign-in).",
        "Where can I see my credit balance?",
        "**Example of remaining credits header:**",
      ],
    },
  ],
  crustdata: [
    {
      because: ADDRESS,
      statements: [
        "> ## Documentation Index",
        "> Fetch the complete documentation index at: https://docs.crustdata.com/llms.txt",
        "> Use this file to discover all available pages before exploring further.",
        "| Field | Type | Description |",
        "| Status | Body | Cause |",
        "* **Understand charges** — see [Pricing](/general/pricing) for per-endpoint credit costs.",
        "* **Check API access** — see [Permissions](/general/permissions) for which endpoints and fields your account can use.",
      ],
    },
    {
      because: PAGES,
      statements: ["You can also view credits and usage in your [dashboard](https://app.crustdata.com/)."],
    },
  ],
  explorium: [
    {
      because: ADDRESS,
      statements: [
        "Skip to main content",
        "Overview",
        "Why is this useful?",
        "Enabling Per-Call Credit Usage",
        "Request Header",
        "Response",
        "Examples",
        "Request",
        "Behavior",
        "Supported Endpoints",
        "Need help?",
        "Contact support@explorium.ai.",
      ],
    },
    {
      because: "the example's request: the test that quotes its response sends it",
      statements: [
        `curl --request POST \\ --url https://api.explorium.ai/v1/businesses \\ --header 'Content-Type: application/json' \\ --header 'api_key: YOUR_API_KEY' \\ --header 'credit-usage: true' \\ --data '{ "mode": "full", "size": 100, "page_size": 100, "page": 1, "filters": { "country_code": { "values": ["us"] }, "company_size": { "values": ["11-50", "51-200"] } } }'`,
      ],
    },
    {
      because: "it is about callers of the API, not about the API",
      statements: [
        "• Accurate downstream reporting — Tooling and integrations (such as MCP-based agents) can report precise resource usage back to the caller.",
      ],
    },
  ],
  leadboxer: [
    {
      because: ADDRESS,
      statements: [
        "Credit Usage & Cost Model",
        "This page explains:",
        "• When credits are consumed",
        "• How credit usage works",
        "• Where to find exact usage",
        "• Fixed credit costs per endpoint",
        "When are credits consumed?",
        "Fixed credit usage model",
        "This means:",
        "Credit costs per endpoint",
        "Failed and invalid requests",
        "Best practices",
        "To manage credit usage effectively:",
        "• Avoid unnecessary polling",
        "Changes to credit costs",
      ],
    },
    {
      because: PAGES,
      statements: [
        "Where to see your actual credit usage",
        "You can review:",
        "Credits consumed",
        "Total credits used over time",
        "Remaining credits and limits",
        "in the Credit Cost Overview within your account.",
        "• Monitor request volume via the Credit Cost Overview",
        "• The Credit Cost Overview",
      ],
    },
  ],
};
