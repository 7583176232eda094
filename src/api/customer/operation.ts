import { describeAnswers } from "../operation.ts";

/** Every operation needs a key of the account, as the contract reads it. */
export const CUSTOMER_SECURITY = [{ key: [] }];

/** Every answer that is not a success has the contract's error shape, which is not known here. */
export const { answers, answersOrCsv } = describeAnswers({
  description: "Nothing was done. In the error shape of this API.",
});
