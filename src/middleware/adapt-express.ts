import type { RequestHandler } from "express";
import type { FareboxCall } from "./farebox-call.ts";
import type { Middleware } from "./middleware.ts";

declare global {
  namespace Express {
    interface Request {
      /** What Farebox knows of this request; it is there behind `app.use(await farebox(…))`. */
      farebox: FareboxCall;
    }
  }
}

/** Middleware of Express: what is mounted behind it is sold. */
export function asExpress(middleware: Middleware): RequestHandler {
  return (request, response, next) => middleware.handle(request, response, next);
}
