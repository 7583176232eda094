import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GENERATED, readGeneratedClient } from "./generated-client.ts";

mkdirSync(GENERATED, { recursive: true });
for (const [name, text] of Object.entries(await readGeneratedClient()))
  writeFileSync(join(GENERATED, name), text);
