#!/usr/bin/env node
// Starts Farebox with a node that can run it. Plain JavaScript without newer syntax: an old node must get as far as
// the message below, or to the runtime that the repository pins.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const OLDEST = [22, 19];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src", "cli", "farebox.ts");
const entry = existsSync(source) ? source : join(root, "dist", "cli", "farebox.js");
const pinned = join(root, "node_modules", "node", "bin", "node");

function canRun(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** V8 takes `_` for `-`, and `--no-` before a name. */
function nameOf(flag) {
  return flag
    .split("=")[0]
    .replaceAll("_", "-")
    .replace(/^--no-/, "--");
}

/**
 * Starts a server's process anew, under its own number, with what keeps it small: neither V8's young generation nor glibc's
 * thresholds can be set in a process that runs. Left alone V8 doubles the first up to 128 MB under any stream, compiles a hundred of
 * PGlite's functions anew before anyone calls, and glibc keeps up to 64 MB of what that took. A node without `execve` (Windows, Node 22.14), and a process that its parent talks with, stay as
 * they are.
 */
function limitMemory() {
  const { flags, environment } = JSON.parse(readFileSync(join(root, "bin", "memory.json"), "utf8"));
  const given = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? "").split(" ")];
  const missing = flags.filter((flag) => !given.some((other) => nameOf(other) === nameOf(flag)));
  if (missing.length === 0 || process.execve === undefined || process.connected) return;
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...missing, ...process.argv.slice(1)],
    { ...environment, ...process.env },
  );
}

/** Runs the same command on the pinned node and becomes transparent: its stdio, our signals, its exit. */
function runPinned() {
  const child = spawn(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  const forwarded = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2"];
  for (const signal of forwarded) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`farebox: ${pinned} does not start: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0));
  });
}

if (canRun(process.versions.node)) {
  if (process.argv[2] === "start") limitMemory();
  await import(pathToFileURL(entry).href);
} else if (existsSync(pinned)) {
  runPinned();
} else {
  process.stderr.write(
    `farebox: Node.js ${OLDEST.join(".")} or newer is needed, this is ${process.versions.node}.\n` +
      "Fix: install a current Node.js (https://nodejs.org), or run `npm ci` in the clone, which brings its own.\n",
  );
  process.exit(1);
}
