export { type ClientOptions, connectClient, type MeshClient, type TriggerMessage } from "./client.ts";
export { exportDocuments } from "./export.ts";
export { isRefusal, MeshError } from "./mesh-error.ts";
export type { Deleted, ItemOf, ListEndpoint, Page, Replies, ReplyOf } from "./replies.ts";
export { type SecretValue, setSecret } from "./set-secret.ts";
