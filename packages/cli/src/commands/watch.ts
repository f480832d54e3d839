import type { Command } from "commander";
import { reference } from "../arguments.ts";
import { type CommandContext, contextOf, withMesh } from "../command-context.ts";
import { followJets, type JetWatch, mayReadBuckets } from "../follow-jet.ts";
import { formatJetChange } from "../jet-changes.ts";
import { pollJets } from "../poll-jets.ts";
import type { Environment } from "../settings.ts";
import { clockTime, NO_STATE } from "../table.ts";

export function addWatch(program: Command, env: Environment): void {
  program
    .command("watch")
    .description("print every change of state as it happens, until Ctrl-C")
    .argument("[jet]", "only this jet; all of them where left out", reference)
    .action((jet: string | undefined, _options: unknown, command: Command) =>
      watch(contextOf(command, env), jet),
    );
}

async function watch(context: CommandContext, jet: string | undefined): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
  await withMesh(context, async ({ client, settings, output }) => {
    // A broker without a mesh would be waited for in silence.
    await client.request("jet.list", { limit: 1 }, settings.timeoutMs);
    const known = new Set<string>();
    const watched: JetWatch = {
      ...(jet === undefined ? {} : { jet }),
      onChange: (change) => output.event(change, formatJetChange(change)),
      onPresent: (record) => {
        known.add(record.reference);
        if (jet === undefined || record.destroyedAt !== undefined) return;
        const { reference: name, state, changedAt: at } = record;
        const now = `${clockTime(at)}  ${name}  ${state ?? NO_STATE}`;
        output.event({ at, jet: name, ...(state === undefined ? {} : { to: state }) }, now);
      },
      onProblem: (problem) => output.note(problem),
    };
    const follower = (await mayReadBuckets(client))
      ? followJets(client, await client.meshNames(), watched)
      : pollJets(client, watched);
    await Promise.race([follower.ready, stopped]);
    if (jet !== undefined && known.size === 0) output.note(`there is no jet '${jet}' yet; waiting for one`);
    await stopped;
    await follower.stop();
  });
}
