import { hash } from "node:crypto";
import type { Config } from "../config/config.ts";
import { computePriceDifference } from "../domain/prices/price-difference.ts";
import { priceListText } from "../domain/prices/price-list-json.ts";
import type { Database } from "../ledger/database/database.ts";
import { type FilePublication, publishFilePrices } from "../ledger/price-lists/file-prices.ts";
import { parsePublishedList } from "../ledger/price-lists/price-lists.ts";
import type { Logger } from "../telemetry/logger.ts";

/**
 * Publishes the file's prices when they are news, and says what that changes: a changed price must not go unnoticed, nor
 * must a file that is not what customers pay.
 */
export async function publishPrices(
  database: Database,
  config: Pick<Config, "prices" | "unpriced">,
  logger: Logger,
): Promise<void> {
  const text = priceListText(config);
  const list = { body: text, hash: hash("sha256", text, "hex") };
  const publication = await database.transaction((tx) => publishFilePrices(tx, list));
  logPublication(publication, config, logger);
}

function logPublication(
  publication: FilePublication,
  config: Pick<Config, "prices" | "unpriced">,
  logger: Logger,
): void {
  const { kind, version } = publication;
  if (kind === "in_force") return;
  if (kind === "announced") {
    const { effectiveAt } = publication;
    logger.info({ version, effectiveAt }, "the file's prices are announced: they apply from that time on");
    return;
  }
  if (kind === "outdated") {
    const inForce = parsePublishedList(publication.inForce);
    logger.warn(
      { version, inForce: inForce.version, ...computePriceDifference(config, inForce) },
      "the file's prices are those of an older list, as at the last start: the list in force stays. Put its prices into the file, or bring the file's back with: farebox prices publish",
    );
    return;
  }
  if (publication.replaced === null) {
    logger.info({ version, prices: config.prices.length }, "the first price list was published");
  } else {
    const before = parsePublishedList(publication.replaced);
    logger.warn(
      { version, before: before.version, ...computePriceDifference(before, config) },
      "the file's prices differ from those in force and were published",
    );
  }
  for (const { version: announced, effectiveAt } of publication.announced) {
    logger.warn(
      { version, announced, effectiveAt },
      `the file's prices apply only until the announced price list ${announced} takes effect; take it back with: farebox prices cancel ${announced}`,
    );
  }
}
