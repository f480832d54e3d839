export type { ServiceName } from "@jetmesh/protocol";
export {
  applyDocuments,
  type Document,
  loopDocuments,
  planDocument,
  stateDocument,
  userDocument,
} from "./definitions.ts";
export { eventually } from "./eventually.ts";
export { FAULTS_BY_SERVICE, FAULTS_OF_A_WRITE, FAULTS_OF_AN_ACK, faultsOf } from "./faults-by-service.ts";
export { freePorts } from "./free-ports.ts";
export { createTestKeys, type TestKeys } from "./keys.ts";
export {
  type Broker,
  type MeshOptions,
  startMesh,
  type TestMesh,
  type TestService,
} from "./mesh.ts";
export { type NatsClusterOptions, startNatsCluster, type TestCluster } from "./nats-cluster.ts";
export { natsServerBinary, type TestServer } from "./nats-process.ts";
export { type NatsServerOptions, startNatsServer } from "./nats-server.ts";
export { allActions, allHistory, allJets, messagesOf, type StoredMessage, writesSoFar } from "./observe.ts";
export { type Link, type Proxy, startProxy } from "./proxy.ts";
