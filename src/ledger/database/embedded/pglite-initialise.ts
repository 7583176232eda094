import { PGlite } from "@electric-sql/pglite";

/** `node pglite-initialise.ts <directory>`: makes the files of an empty embedded database. See pglite-worker.ts. */
const directory = process.argv[2];
if (directory === undefined) throw new Error("pglite-initialise.ts needs a directory");
const pglite = await PGlite.create(directory);
await pglite.close();
