export { eventually } from "./eventually.ts";
export { natsServerBinary, type NatsServerOptions, startNatsServer, type TestServer } from "./nats-server.ts";
