import { readdirSync, readFileSync } from "node:fs";

/** The kernel tells programs of its ticks as hundredths of a second, whatever its own clock does. */
const TICK_MICROSECONDS = 10_000;

/**
 * The CPU time, user and system together, that a process and all that descend from it have used so far, in microseconds. It
 * is the operating system's account: other processes make it longer only by what they push out of the caches.
 *
 * Of processes with one thread, such as Postgres's backends, it is exact to the nanosecond; of others, and of those
 * that have ended, it counts in ticks of 10 ms, so measure some seconds. A child that ended is counted once its parent has
 * waited for it. Of this process it is process.cpuUsage() alone: its children are measured by their own pids.
 *
 * Throws where there is no /proc.
 */
function readCpuTime(pid: number): number {
  if (pid === process.pid) {
    const { user, system } = process.cpuUsage();
    return user + system;
  }
  const children = new Map<number, number[]>();
  const stats = new Map<number, Stat>();
  for (const found of listProcesses()) {
    const stat = readStat(found);
    // It has ended since it was listed.
    if (stat === undefined) continue;
    stats.set(found, stat);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), found]);
  }
  const sum = (of: number): number =>
    (stats.get(of)?.microseconds ?? 0) +
    (children.get(of) ?? []).reduce((total, child) => total + sum(child), 0);
  if (!stats.has(pid)) throw new Error(`there is no process ${pid}`);
  return sum(pid);
}

/**
 * What `work` cost each process, in microseconds of CPU time, by name. Reading /proc costs this process some milliseconds,
 * which are not counted. Keep the database's connections open: a backend that ends counts in ticks.
 */
export async function measureCpuTime<Name extends string>(
  pids: Readonly<Record<Name, number>>,
  work: () => Promise<unknown>,
): Promise<Record<Name, number>> {
  const names = (Object.keys(pids) as Name[]).toSorted(
    (a, b) => Number(pids[a] === process.pid) - Number(pids[b] === process.pid),
  );
  const before = names.map((name) => readCpuTime(pids[name]));
  await work();
  const after = names.toReversed().map((name) => readCpuTime(pids[name]));
  const used = names.map((name, index) => [name, (after.at(-1 - index) ?? 0) - (before[index] ?? 0)]);
  return Object.fromEntries(used) as Record<Name, number>;
}

interface Stat {
  readonly parent: number;
  /** Its own, and that of its children that have ended. */
  readonly microseconds: number;
}

function listProcesses(): number[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch (cause) {
    throw new Error("CPU time is read from /proc, which this system does not have", { cause });
  }
  return names.map(Number).filter(Number.isInteger);
}

function readStat(pid: number): Stat | undefined {
  const text = readProcess(pid, "stat");
  if (text === undefined) return undefined;
  // The name, which is in parentheses, may have spaces and parentheses of its own; the state comes after it.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [parent = 0, user = 0, system = 0, endedUser = 0, endedSystem = 0, threads = 0] = [
    1, 11, 12, 13, 14, 17,
  ].map((index) => fields[index]);
  const exact = threads === 1 ? readOneThread(pid) : undefined;
  const own = exact ?? (user + system) * TICK_MICROSECONDS;
  return { parent, microseconds: own + (endedUser + endedSystem) * TICK_MICROSECONDS };
}

/** The scheduler's own account, in nanoseconds, of the first thread only; some kernels are built without it. */
function readOneThread(pid: number): number | undefined {
  const text = readProcess(pid, "schedstat");
  return text === undefined ? undefined : Number(text.split(" ", 1)[0]) / 1000;
}

function readProcess(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
