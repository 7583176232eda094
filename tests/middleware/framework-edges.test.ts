import { describeFront, HEAD_ROWS } from "../../src/middleware/testing/describe-front.ts";
import { expressApp, fastifyApp, honoApp } from "../../src/middleware/testing/fronts.ts";

describeFront("Express", expressApp);
describeFront("Fastify", fastifyApp);
describeFront("Hono", honoApp, { omitted: HEAD_ROWS });
