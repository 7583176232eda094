import express from "express";
import { farebox } from "farebox/express";

const app = express();
const paid = await farebox("farebox.yaml");
app.use(paid);
app.get("/hello", (request, response) => response.send("Hello"));
app.get("/search", (request, response) => {
  const found = ["a", "b", "c"];
  request.farebox.units = found.length;
  response.json(found);
});
const server = app.listen(3000, () => console.log("Listening on", server.address().port));
process.once("SIGTERM", () => void server.close(() => void paid.close()));
