import { useQuery } from "@tanstack/react-query";
import { SETTINGS } from "../../session/base.ts";
import { ACCOUNT } from "../account-api.ts";
import { OVERVIEW } from "../overview/overview-query.ts";

export interface KeyName {
  readonly id: string;
  readonly name: string;
  readonly hint: string;
}

/** How the account's keys are called. Where customers may not list them: of those that were used in the last 30 days. */
export function useKeyNames(): readonly KeyName[] {
  const mayList = SETTINGS.selfServiceKeys === true;
  const listed = useQuery({
    queryKey: ["keys", "names"],
    queryFn: () => ACCOUNT.listKeys({ limit: 500 }),
    enabled: mayList,
  });
  const used = useQuery({ ...OVERVIEW, enabled: !mayList });
  if (mayList) return listed.data?.keys ?? [];
  // A key that used several types of credits has a line of each.
  const names = new Map<string, KeyName>();
  for (const { key, name, hint } of used.data?.usage.keys ?? []) {
    if (hint !== null) names.set(key, { id: key, name: name ?? "", hint });
  }
  return [...names.values()];
}
