export { eventually } from "./eventually.ts";
export { type MeshOptions, type ServiceName, startMesh, type TestMesh, type TestService } from "./mesh.ts";
export { natsServerBinary, type NatsServerOptions, startNatsServer, type TestServer } from "./nats-server.ts";
export { applyDocuments, type Document, loopDocuments, planDocument, stateDocument, userDocument } from "./definitions.ts";
export { allActions, allHistory, allJets, messagesOf, type StoredMessage, writesSoFar } from "./observe.ts";
