export { type AckWatch, measureAckDelay, SLOW_MS, watchAcks } from "./ack-latency.ts";
export { type BatchMember, MAX_BATCH, swapBatch } from "./batch.ts";
export { type BrokerClock, startBrokerClock } from "./broker-clock.ts";
export {
  type Bucket,
  type BucketPlan,
  createBucket,
  type Stored,
  type SwapOptions,
  type SwapOutcome,
} from "./bucket.ts";
export { type Connection, type ConnectionOptions, type ConnectionStatus, connectMesh } from "./connection.ts";
export { type ConsumerState, readConsumers } from "./consumer-states.ts";
export {
  BrokerError,
  CredentialsError,
  ensureError,
  isTransient,
  NobodyThereError,
  UnavailableError,
} from "./errors.ts";
export { FAULT_KINDS, type FaultKind, type Faults, parseFaults } from "./faults.ts";
export type { Change, Follower, FollowOptions } from "./follow.ts";
export { follow } from "./follow-shards.ts";
export { parseJson, readJson } from "./json.ts";
export { findLeftovers, type Leftover } from "./leftovers.ts";
export { mayRead } from "./may-read.ts";
export { type BackupMark, markBackup, releaseMesh } from "./mesh-backup.ts";
export {
  agreeOnShards,
  type MeshAt,
  namesOfMesh,
  readMesh,
  ShardsError,
} from "./mesh-shards.ts";
export { createMeshStore, type MeshStore } from "./mesh-store.ts";
export { createUserKey, isUserKey, publicKeyOf, type UserKey } from "./nkey.ts";
export { offerAction } from "./offer-action.ts";
export { headerBlock, type Pipeline, type Reply } from "./pipeline.ts";
export { consumeQueue, type Disposal, type Queue, type QueueMessage, type QueueOptions } from "./queue.ts";
export { readRunners } from "./read-runners.ts";
export { readStream } from "./read-stream.ts";
export {
  type Answer,
  ask,
  type Incoming,
  type RemoteError,
  type Responder,
  respond,
  type Survey,
  survey,
  tell,
  tellText,
  tellTextTo,
} from "./requests.ts";
export { type ReshardOptions, type ReshardReport, reshard } from "./reshard.ts";
export { type Place, scan } from "./scan.ts";
export { scanNewest } from "./scan-newest.ts";
export { createSealKey, isSealKey, openSealed, readSealKeys, type SealKey, seal } from "./sealed.ts";
export { sendResume } from "./send-resume.ts";
export { type Keyring, type ServerConfigOptions, serverConfig, subjectsOfUser } from "./server-config.ts";
export { createShardedBucket } from "./sharded-bucket.ts";
export { type Move, spreadLeaders } from "./spread-leaders.ts";
export { keepChunk, readChunk, retireChunks } from "./step-chunks.ts";
export { readLast, readMessage, removeMessage, type StoredMessage } from "./stored-messages.ts";
export {
  assertServer,
  type Drift,
  ensureConsumer,
  ensureTopology,
  inspectTopology,
  MIN_API_LEVEL,
  type TopologyReport,
  type TopologyState,
} from "./topology.ts";
export type { WriteOutcome } from "./write-outcome.ts";
export {
  ACK_POINTS,
  type AckPoint,
  ASK_POINTS,
  FAULT_POINTS,
  type FaultPlace,
  type FaultPoint,
  WRITE_POINTS,
  type WritePoint,
} from "./write-points.ts";
export { type WriteOptions, writeOnce, writeRepeatable } from "./writer.ts";
