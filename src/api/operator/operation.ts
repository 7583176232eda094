import { describeAnswers } from "../operation.ts";
import { problemBody } from "../problem.ts";

/** Every operation under /v1 needs the operator token. */
export const OPERATOR_SECURITY = [{ operatorToken: [] }];

export const { answers, answersOrCsv } = describeAnswers({
  description: "Nothing was done. The code says why.",
  content: { "application/problem+json": { schema: problemBody } },
});
