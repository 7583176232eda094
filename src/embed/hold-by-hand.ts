import type { z } from "@hono/zod-openapi";
import type { HandHolds } from "../middleware/hand-holds.ts";
import { createHoldParts, endHolds, type HoldOptions, type HoldParts } from "../sidecar/hold-parts.ts";
import { authorize } from "../sidecar/operations/authorize.ts";
import { extend, release } from "../sidecar/operations/release.ts";
import { settle } from "../sidecar/operations/settle.ts";
import { refuseFields } from "../sidecar/problem.ts";
import { authorizeInput } from "../sidecar/wire/authorize.ts";
import { extendInput, releaseInput, settleInput } from "../sidecar/wire/settle.ts";

/** The holds of handlers, opened with the first one. */
interface OpenHandHolds extends HandHolds {
  /** Waits for short ones to be settled, within the drain. */
  end(): Promise<void>;
}

export function createHandHolds(open: () => Promise<HoldOptions>): OpenHandHolds {
  let opened: Promise<HoldParts> | undefined;
  const ready = async (): Promise<HoldParts> => {
    opened ??= open().then(createHoldParts);
    try {
      return await opened;
    } catch (error) {
      // The next one tries again.
      opened = undefined;
      throw error;
    }
  };
  return {
    hold: async (work, { identity, address }) => {
      const told = { ...checkInput(authorizeInput, work), address };
      return await authorize(await ready(), told, identity);
    },
    settle: async (done) => {
      const asked = checkInput(settleInput, done);
      return await settle(await ready(), asked);
    },
    release: async (what) => {
      const asked = checkInput(releaseInput, what);
      return await release(await ready(), asked);
    },
    extend: async (what) => {
      const asked = checkInput(extendInput, what);
      return await extend(await ready(), asked);
    },
    end: async () => {
      const parts = await opened?.catch(() => undefined);
      if (parts !== undefined) await endHolds(parts);
    },
  };
}

/** Throws FareboxError `request_invalid`, which names the fields. */
export function checkInput<Input extends z.ZodType>(input: Input, request: unknown): z.output<Input> {
  const checked = input.safeParse(request);
  return checked.success ? checked.data : refuseFields(checked.error);
}
