import { type RunningService, type ServiceContext, watchMembers } from "@jetmesh/service-kit";
import { createMeshStore } from "@jetmesh/storage";
import type { GatewayConfig } from "./config.ts";
import { serveMicro } from "./micro-service.ts";
import { serveApi } from "./serve-api.ts";
import { createWaits } from "./waits.ts";

export async function startGateway(context: ServiceContext<GatewayConfig>): Promise<RunningService> {
  const { config, names, connection, log, instance } = context;
  const store = createMeshStore(connection, names);
  const waits = createWaits(connection, names, store, log, instance);
  const stateStores = watchMembers(connection, names, "state-store");
  const deps = { config, names, connection, store, log, instance, waits, stateStores };
  const micro = serveMicro(connection, instance, `${names.prefix}.api`);
  const api = serveApi(deps, micro);
  await connection.nc.flush();
  return {
    details: () => ({ inFlight: api.inFlight, waiting: waits.size }),
    async drain() {
      await Promise.all([api.stop(), micro.stop()]);
      await api.idle();
      await Promise.all([waits.stop(), stateStores.stop()]);
    },
  };
}
