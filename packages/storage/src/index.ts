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
export { BrokerError, ensureError, isTransient, UnavailableError } from "./errors.ts";
export { FAULT_KINDS, type FaultKind, type Faults, parseFaults } from "./faults.ts";
export { type Change, type Follower, type FollowOptions, follow, readStream, scan } from "./follow.ts";
export { findLeftovers, type Leftover } from "./leftovers.ts";
export { createMeshStore, type MeshStore } from "./mesh-store.ts";
export { encodeHeaders, type Pipeline, type Reply } from "./pipeline.ts";
export { consumeQueue, type Disposal, type Queue, type QueueMessage, type QueueOptions } from "./queue.ts";
export {
  type Answer,
  ask,
  type Incoming,
  type RemoteError,
  type Responder,
  respond,
  tell,
} from "./requests.ts";
export { sendResume } from "./send-resume.ts";
export { readMessage, removeMessage, type StoredMessage } from "./stored-messages.ts";
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
export {
  ACK_POINTS,
  type AckPoint,
  FAULT_POINTS,
  type FaultPlace,
  type FaultPoint,
  WRITE_POINTS,
  type WritePoint,
} from "./write-points.ts";
export { type WriteOptions, type WriteOutcome, writeOnce, writeRepeatable } from "./writer.ts";
