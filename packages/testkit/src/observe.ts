import { ActionRecord, HistoryEntry, JetRecord, type Names } from "@jetmesh/protocol";
import { type Connection, readStream, scanNewest } from "@jetmesh/storage";

/** What is in NATS, read without our services: what tests judge by. */
export async function allJets(connection: Connection, names: Names): Promise<JetRecord[]> {
  const found = await scanNewest(connection, names, names.buckets.jets, 1_000_000, ({ data }) =>
    JetRecord.parse(JSON.parse(Buffer.from(data).toString())),
  );
  return [...found.values()];
}

export async function allActions(connection: Connection, names: Names): Promise<ActionRecord[]> {
  const found = await scanNewest(connection, names, names.buckets.actions, 1_000_000, ({ data }) =>
    ActionRecord.parse(JSON.parse(Buffer.from(data).toString())),
  );
  return [...found.values()];
}

export async function allHistory(connection: Connection, names: Names): Promise<HistoryEntry[]> {
  return (await messagesOf(connection, names.streams.history, names.history.all)).map(({ json }) =>
    HistoryEntry.parse(json),
  );
}

export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly json: unknown;
}

export async function messagesOf(
  connection: Connection,
  stream: string,
  filter: string,
): Promise<StoredMessage[]> {
  const found: StoredMessage[] = [];
  await readStream(connection, stream, filter, { most: 1_000_000 }, (message) => {
    found.push({ subject: message.subject, sequence: message.seq, json: message.json() });
    return "more";
  });
  return found;
}

/** How many writes the streams of a mesh have acknowledged so far, logs and presence left out (design §8). */
export async function writesSoFar(connection: Connection, names: Names): Promise<number> {
  const { streams, buckets } = names;
  const counted = [
    streams.triggers,
    streams.resume,
    streams.history,
    streams.dead,
    ...[buckets.jets, buckets.actions, buckets.steps]
      .flatMap((bucket) => names.bucketsOf(bucket))
      .map((bucket) => names.kvStream(bucket)),
  ];
  const infos = await Promise.all(counted.map((stream) => connection.jsm.streams.info(stream)));
  return infos.reduce((sum, { state }) => sum + state.last_seq, 0);
}
