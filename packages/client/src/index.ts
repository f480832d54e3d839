export {
  type ClientOptions,
  connectClient,
  type MeshClient,
  MeshError,
  type TriggerMessage,
} from "./client.ts";
