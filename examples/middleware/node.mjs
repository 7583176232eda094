import { createServer } from "node:http";
import { farebox } from "farebox/node";

const paid = await farebox("farebox.yaml");
const handler = paid((request, response) => {
  if (request.url === "/hello") return response.end("Hello");
  const found = ["a", "b", "c"];
  request.farebox.units = found.length;
  return response.end(JSON.stringify(found));
});
const server = createServer(handler).listen(3000, () => console.log("Listening on", server.address().port));
process.once("SIGTERM", () => void server.close(() => void paid.close()));
