import type { MeshClient } from "@jetmesh/client";
import { Health } from "@jetmesh/protocol";
import { ensureError } from "@jetmesh/storage";
import { type Finding, ok, wrong } from "./finding.ts";

export const SERVICES = [
  "gateway",
  "authz",
  "state-store",
  "lifecycle-ticker",
  "flight-plan-runner",
] as const;
export type ServiceName = (typeof SERVICES)[number];

const COLLECT_MS = 500;

/** Asks every process of every service how it is. Each answers; there is no telling how many there are. */
export async function askHealth(client: MeshClient, collectMs = COLLECT_MS): Promise<Health[]> {
  const { names, connection } = client;
  const answers = await Promise.all(
    SERVICES.map(async (service) => {
      const found: Health[] = [];
      const replies = await connection.nc.requestMany(names.svc.of(service, "health"), "", {
        strategy: "timer",
        maxWait: collectMs,
      });
      try {
        for await (const reply of replies) {
          const health = Health.safeParse(reply.json());
          if (health.success) found.push(health.data);
        }
      } catch (thrown) {
        // Nobody listens: there is no such process, which is an answer too.
        if (!isNobodyThere(thrown)) throw thrown;
      }
      return found;
    }),
  );
  return answers.flat();
}

const isNobodyThere = (thrown: unknown): boolean => ensureError(thrown).message.startsWith("no responders");

export function judgeServices(answers: readonly Health[]): Finding[] {
  return SERVICES.map((service) => {
    const processes = answers.filter((health) => health.service === service);
    const ready = processes.filter((health) => health.ready);
    const check = `service ${service}`;
    if (processes.length === 0)
      return wrong(check, "no process answers", `start one: services/${service}, or \`jm up\``);
    const count = `${ready.length} of ${processes.length} ready`;
    return ready.length === processes.length ? ok(check, count) : wrong(check, count, "look at its log");
  });
}
