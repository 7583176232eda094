import { queryOptions } from "@tanstack/react-query";
import { TIME_ZONE } from "../../formats/times.ts";
import { ACCOUNT } from "../account-api.ts";

/** What the overview shows. */
export const OVERVIEW = queryOptions({
  queryKey: ["overview", TIME_ZONE],
  queryFn: ({ signal }) => ACCOUNT.getOverview({ timeZone: TIME_ZONE }, { signal }),
});
