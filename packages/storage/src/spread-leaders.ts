import type { Connection } from "./connection.ts";

/** A stream, who leads it, and who could. */
export interface LedStream {
  readonly stream: string;
  readonly leader: string;
  /** The nodes that keep it and are there, the leader among them. */
  readonly nodes: readonly string[];
}

export interface Move {
  readonly stream: string;
  readonly to: string;
}

/**
 * Which leaders to hand to which node, so that no node leads more than its share of these streams. Whoever leads no
 * more than that keeps what it has; nothing is moved where that is so everywhere.
 */
export function planLeaders(streams: readonly LedStream[]): Move[] {
  const nodes = [...new Set(streams.flatMap((one) => one.nodes))].toSorted();
  const share = Math.ceil(streams.length / Math.max(1, nodes.length));
  const leads = new Map<string, number>(nodes.map((node) => [node, 0]));
  const count = (node: string): number => leads.get(node) ?? 0;
  const add = (node: string): void => void leads.set(node, count(node) + 1);
  const tooMany = streams.filter(({ leader }) => {
    if (count(leader) >= share) return true;
    add(leader);
    return false;
  });
  return tooMany.flatMap(({ stream, leader, nodes: own }) => {
    const to = own.toSorted((a, b) => count(a) - count(b) || (a < b ? -1 : 1)).at(0) ?? leader;
    add(to);
    return to === leader ? [] : [{ stream, to }];
  });
}

const ANSWER_MS = 2_000;

/**
 * Hands the leaders of streams that were just made out to the nodes that keep them: JetStream draws them by lot, and
 * one in nine draws of three has all on one node. Asked once for each and not watched: who moves one later on purpose
 * is not fought, and where it fails everything works as before. Gives what was asked for.
 */
export async function spreadLeaders(connection: Connection, streams: readonly string[]): Promise<Move[]> {
  const found = await Promise.all(streams.map((stream) => findLeader(connection, stream)));
  const moves = planLeaders(found.filter((one) => one !== undefined));
  await Promise.all(
    moves.map(({ stream, to }) =>
      connection.nc
        .request(
          `${connection.apiPrefix}.STREAM.LEADER.STEPDOWN.${stream}`,
          JSON.stringify({ placement: { preferred: to } }),
          { timeout: ANSWER_MS },
        )
        .catch(() => undefined),
    ),
  );
  return moves;
}

async function findLeader(connection: Connection, stream: string): Promise<LedStream | undefined> {
  const cluster = await connection.jsm.streams.info(stream).then(
    (info) => info.cluster,
    () => undefined,
  );
  if (cluster?.leader === undefined || cluster.leader === "") return undefined;
  const others = (cluster.replicas ?? []).filter(({ offline }) => !offline).map(({ name }) => name);
  return { stream, leader: cluster.leader, nodes: [cluster.leader, ...others] };
}
