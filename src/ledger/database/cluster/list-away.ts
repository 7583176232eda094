import type { Database } from "../database.ts";
import { isCluster } from "../distribute.ts";

/** A server that takes longer has not answered. */
const CONNECT_MS = 2_000;
const STATEMENT_MS = 3_000;

interface Node {
  readonly host: string;
  readonly port: number;
}

/** The servers with shards of a cluster that do not answer, as `host:port`. Of one server there are none: it has just answered. */
export async function listServersAway(database: Database): Promise<string[]> {
  if (!(await isCluster(database))) return [];
  const nodes = await database.query<Node>(
    `SELECT nodename AS host, nodeport AS port FROM pg_dist_node
     WHERE isactive AND noderole = 'primary' AND shouldhaveshards ORDER BY 1, 2`,
  );
  const answers = await Promise.all(nodes.map((node) => doesAnswer(database, node)));
  return nodes.filter((_, index) => answers[index] !== true).map(({ host, port }) => `${host}:${port}`);
}

/** By the way that statements take. What fails is what is asked for. */
async function doesAnswer(database: Database, { host, port }: Node): Promise<boolean> {
  try {
    return await database.transaction(async (tx) => {
      await tx.exec(
        `SET LOCAL citus.node_connection_timeout TO ${CONNECT_MS}; SET LOCAL statement_timeout TO ${STATEMENT_MS}`,
      );
      const [row] = await tx.query<{ answers: boolean }>(
        "SELECT citus_check_connection_to_node($1, $2::int) AS answers",
        [host, port],
      );
      return row?.answers === true;
    });
  } catch {
    return false;
  }
}
