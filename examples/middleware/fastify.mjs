import { farebox } from "farebox/fastify";
import Fastify from "fastify";

const paid = await farebox("farebox.yaml");
const app = Fastify({ serverFactory: paid.serverFactory });
await app.register(paid);
app.get("/hello", (request, reply) => reply.send("Hello"));
app.get("/search", (request, reply) => {
  const found = ["a", "b", "c"];
  request.farebox.units = found.length;
  return reply.send(found);
});
await app.listen({ port: 3000 });
console.log("Listening on", app.server.address().port);
// It closes Farebox too.
process.once("SIGTERM", () => void app.close());
