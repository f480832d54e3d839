export {
  applyDocuments,
  type Document,
  loopDocuments,
  planDocument,
  stateDocument,
  userDocument,
} from "./definitions.ts";
export { eventually } from "./eventually.ts";
export { type MeshOptions, type ServiceName, startMesh, type TestMesh, type TestService } from "./mesh.ts";
export { type NatsServerOptions, natsServerBinary, startNatsServer, type TestServer } from "./nats-server.ts";
export { allActions, allHistory, allJets, messagesOf, type StoredMessage, writesSoFar } from "./observe.ts";
export { type Proxy, startProxy } from "./proxy.ts";
