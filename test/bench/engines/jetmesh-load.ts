/** The load process of Jetmesh: one jet a lane. */
import { connectClient } from "@jetmesh/client";
import { makeLanes, turn } from "../inside/loop-mesh.ts";
import { serveLoad } from "../inside/serve-load.ts";

const { NATS_URL = "", LANES = "1" } = process.env;

await serveLoad(async () => {
  const client = await connectClient({ url: NATS_URL, user: "root", name: "bench" });
  await makeLanes(client, Number(LANES));
  return { act: (_id, lane) => turn(client, lane) };
});
