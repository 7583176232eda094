import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** `npm run soak`: the soak of the tests, for as long as one likes, or again in the order of a seed that found something. */
const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string" } },
});
for (const [name, value = "0"] of Object.entries(values)) {
  if (/^\d+$/.test(value)) continue;
  console.error(`--${name} is a whole number, and not ${value}.`);
  process.exit(2);
}
const env = {
  ...process.env,
  FAREBOX_SOAK_SECONDS: values.seconds,
  ...(values.seed === undefined ? {} : { FAREBOX_SOAK_SEED: values.seed }),
};
const test = fileURLToPath(new URL("soak.test.ts", import.meta.url));
const child = spawn(process.execPath, ["--test", "--test-reporter=spec", test], { env, stdio: "inherit" });
child.once("exit", (code) => {
  process.exitCode = code ?? 1;
});
