import { decideAccess } from "@jetmesh/access";
import { type AccessAnswer, AccessRequest, DEFINITION_PATTERN } from "@jetmesh/protocol";
import type { BaseConfig, RunningService, ServiceContext } from "@jetmesh/service-kit";
import { follow, type Incoming, readJson, respond } from "@jetmesh/storage";
import { createFollowedFacts } from "./followed-facts.ts";

/** Jets change all the time and their users hardly ever: a right that was taken away counts after this at the latest. */
const JETS_EVERY_MS = 500;
/** How long a denial may wait for the copy to catch up with what is written. */
const CATCH_UP_MS = 2_000;

/**
 * Answers who may do what, in batches, from memory. An allowance may rest on the followed copy, which is behind
 * by milliseconds; a denial is decided again once the copy has caught up with the buckets' leaders, so that a
 * right just given is never denied (design §4). Nothing is answered before everything was seen once.
 */
export async function startAuthz({
  config,
  names,
  connection,
  log,
}: ServiceContext<BaseConfig>): Promise<RunningService> {
  const facts = createFollowedFacts(config.JM_ROOT_USER);
  const onProblem = (problem: string): void => log.warn({ problem }, "following");
  const definitions = follow(connection, names, {
    bucket: names.buckets.definitions,
    keys: DEFINITION_PATTERN,
    onChange: facts.onDefinition,
    onProblem,
  });
  const jets = follow(connection, names, {
    bucket: names.buckets.jets,
    everyMs: JETS_EVERY_MS,
    onChange: facts.onJet,
    onProblem,
  });
  await Promise.all([definitions.ready, jets.ready]);

  // One at a time for all: a flood of denials costs the broker no flood of reads. Who comes while one is on its
  // way shares the one after it, for the first may have looked before the right was written.
  let now: Promise<boolean> | undefined;
  let next: Promise<boolean> | undefined;
  const catchUp = (): Promise<boolean> => {
    if (now !== undefined) {
      next ??= now.then(() => {
        next = undefined;
        return catchUp();
      });
      return next;
    }
    now = Promise.all([definitions.catchUp(CATCH_UP_MS), jets.catchUp(CATCH_UP_MS)])
      .then((caught) => caught.every(Boolean))
      .finally(() => (now = undefined));
    return now;
  };

  const answer = async (request: Incoming): Promise<void> => {
    const parsed = AccessRequest.safeParse(readJson(request.data));
    if (!parsed.success) {
      request.replyError(400, { code: "invalid_request", message: parsed.error.message });
      return;
    }
    const { checks } = parsed.data;
    const decide = (): AccessAnswer[] => checks.map((check) => decideAccess(check, facts));
    let answers = decide();
    if (answers.some(({ allow }) => !allow)) {
      if (!(await catchUp())) {
        request.replyError(503, { code: "unavailable", message: "authz cannot see what is written" });
        return;
      }
      answers = decide();
    }
    request.reply({ v: 1, answers });
  };

  const responder = respond(connection, names.svc.of("authz", "check"), "authz", (request) => {
    answer(request).catch((thrown: unknown) => {
      log.error({ err: thrown }, "a check failed");
      request.replyError(500, { code: "internal", message: "authz failed" });
    });
  });

  return {
    async drain() {
      await responder.stop();
      await Promise.all([definitions.stop(), jets.stop()]);
    },
  };
}
