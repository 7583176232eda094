import { serve } from "@hono/node-server";
import { farebox } from "farebox/hono";
import { Hono } from "hono";

const paid = await farebox("farebox.yaml");
const app = new Hono();
app.use(paid);
app.get("/hello", (c) => c.text("Hello"));
app.get("/search", (c) => {
  const found = ["a", "b", "c"];
  c.var.farebox.units = found.length;
  return c.json(found);
});
const server = serve({ fetch: app.fetch, createServer: paid.createServer, port: 3000 }, ({ port }) =>
  console.log("Listening on", port),
);
process.once("SIGTERM", () => void server.close(() => void paid.close()));
