import { renderConfigurationPage } from "./configuration-page.ts";
import { renderContractsPage } from "./contracts-page.ts";
import { renderPricesPage } from "./prices-page.ts";
import { configurationForm, contractForm, publishForm } from "./published-schemas.ts";

/** Files that are made from the schemas and kept in the repository; paths from its root. A test compares them. */
export function generatedFiles(): readonly { readonly path: string; readonly text: string }[] {
  return [
    { path: "schema/farebox.schema.json", text: printJson(publishForm(configurationForm())) },
    { path: "schema/contract.schema.json", text: printJson(publishForm(contractForm())) },
    { path: "docs/reference/configuration.md", text: renderConfigurationPage() },
    { path: "docs/reference/contracts.md", text: renderContractsPage() },
    { path: "docs/reference/prices.md", text: renderPricesPage() },
  ];
}

function printJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
