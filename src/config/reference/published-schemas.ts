import { z } from "zod";
import { contractSchema } from "../../contract/contract-schema.ts";
import { isJsonObject } from "../../domain/json/json-value.ts";
import { openApiPricesForm } from "../price-source.ts";
import { configSchema } from "../schema.ts";
import { priceForm } from "../sections/price-schema.ts";

/** Prices are judged by their own parser; editors and the reference get their form from here. */
const withPrices = configSchema.extend({
  prices: z
    .union([z.array(priceForm), openApiPricesForm])
    .default([])
    .meta(z.globalRegistry.get(configSchema.shape.prices) ?? {}),
});

/** The form of farebox.yaml with the metadata of every option; the reference is made from it. */
export function configurationForm(): unknown {
  return z.toJSONSchema(withPrices, { io: "input", target: "draft-7" });
}

/** The form of a contract file. One that extends another says only what differs: editors ask for no more than its name. */
export function contractForm(): unknown {
  return { ...z.toJSONSchema(contractSchema, { io: "input", target: "draft-7" }), required: ["name"] };
}

/**
 * A form as editors want it: what only the reference and the messages use is left out. Draft 7, because the YAML language server
 * knows no later one in full.
 */
export function publishForm(form: unknown): unknown {
  if (Array.isArray(form)) return form.map(publishForm);
  if (!isJsonObject(form)) return form;
  const members = Object.entries(form).filter(([name]) => !isAnnotation(form, name));
  return Object.fromEntries(members.map(([name, value]) => [name, publishForm(value)]));
}

/** `reason`, `fix` and `range` as texts are ours. Below `properties` they would be members of that name: objects. */
function isAnnotation(form: Readonly<Record<string, unknown>>, name: string): boolean {
  return ["reason", "fix", "range"].includes(name) && typeof form[name] === "string";
}
