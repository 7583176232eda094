import { join } from "node:path";
import { readOperatorToken } from "../../api/operator/operator-token.ts";
import type { OperatorAddress } from "../../client/transport.ts";
import { FareboxError } from "../../domain/farebox-error.ts";
import { readInstanceFile } from "../../server/instance-file.ts";

/** Where a running Farebox may be told of. */
export interface OperatorHints {
  /** `FAREBOX_OPERATOR_URL` and `FAREBOX_OPERATOR_TOKEN`. */
  readonly url: string | undefined;
  readonly token: string | undefined;
  /** The data directory: of the option, or the default. */
  readonly directory: string;
}

/**
 * The operator API to speak to: the environment's address, or the one that the data directory's running instance wrote.
 * Throws FareboxError `instance_not_found` or `operator_token_missing`, which say what to do.
 */
export function findOperator(hints: OperatorHints): OperatorAddress {
  const instance = readInstanceFile(hints.directory);
  const url = hints.url ?? instance?.operator;
  if (url === undefined) {
    throw new FareboxError(
      "instance_not_found",
      `No Farebox runs on the data directory ${hints.directory}.`,
      {
        detail: {
          fix: "Start one with `farebox start`, name its directory with --data, or set FAREBOX_OPERATOR_URL.",
        },
      },
    );
  }
  const token = hints.token ?? readOperatorToken(hints.directory);
  if (token === undefined) {
    throw new FareboxError("operator_token_missing", `There is no operator token for ${url}.`, {
      detail: {
        fix: `Set FAREBOX_OPERATOR_TOKEN, or name with --data the directory that has the file operator-token.`,
      },
    });
  }
  const source = hints.url === undefined ? join(hints.directory, "instance.json") : "FAREBOX_OPERATOR_URL";
  return { url, token, source };
}
